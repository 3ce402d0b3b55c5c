# What an instance may do: register with ECS, pull the image, send log lines.

data "aws_iam_policy_document" "instance_trust" {
  # EC2 sends no aws:SourceAccount when an instance profile assumes its role: a condition would refuse every instance.
  statement {
    sid     = "InstancesOfThisAccount"
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["ec2.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "instance" {
  name                 = "${var.prefix}-instance"
  path                 = var.path
  description          = "opsctl: the platform's instances join ECS, pull the image and write logs"
  assume_role_policy   = data.aws_iam_policy_document.instance_trust.json
  permissions_boundary = var.permissions_boundary
}

resource "aws_iam_role_policy_attachment" "instance" {
  role       = aws_iam_role.instance.name
  policy_arn = "${local.managed_policies}/AmazonEC2ContainerServiceforEC2Role"
}

# AWS's managed policy lets an instance pull every image and write to every log group of the account. Jobs share their
# instance's network (Batch on EC2 has only host mode), so a job can do whatever the instance may do. These denials narrow it.
data "aws_iam_policy_document" "instance" {
  statement {
    sid           = "DenyOtherRepositories"
    effect        = "Deny"
    actions       = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    not_resources = [var.repository_arn]
  }

  statement {
    sid     = "DenyOtherLogGroups"
    effect  = "Deny"
    actions = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]

    # With and without a suffix: AWS names either the group or its stream.
    not_resources = [
      local.log_group_arn,
      "${local.log_group_arn}:*",
    ]
  }

  # Scans are read with the job's role, never with the instance's, even if a bucket's own policy would allow it. Nothing else
  # needs S3 with this role: ECR signs the URLs of an image's layers.
  statement {
    sid       = "DenyData"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = ["arn:${local.partition}:s3:::*"]
  }

  # The managed policy lets an instance join every ECS cluster of the account, and ECS sends an instance the credentials of the
  # tasks that it places there.
  statement {
    sid           = "DenyJoiningOtherClusters"
    effect        = "Deny"
    actions       = ["ecs:RegisterContainerInstance", "ecs:DeregisterContainerInstance", "ecs:Submit*"]
    not_resources = local.cluster_arns
  }

  # The resource of these is the container instance. ECS sends its cluster as a condition key, by which AWS's CDK too limits the
  # role of an instance (aws/aws-cdk#28594).
  statement {
    sid     = "DenyPollingOtherClusters"
    effect  = "Deny"
    actions = ["ecs:Poll", "ecs:StartTelemetrySession", "ecs:UpdateContainerInstancesState"]

    # In a denial: it leaves out no resource form.
    resources = ["*"]

    condition {
      test     = "ArnNotLike"
      variable = "ecs:cluster"
      values   = local.cluster_arns
    }
  }

  # Batch makes the clusters. The agent makes one only if nobody has told it which to join.
  statement {
    sid     = "DenyMakingClusters"
    effect  = "Deny"
    actions = ["ecs:CreateCluster"]

    # In a denial: it leaves out no resource form.
    resources = ["*"]
  }
}

locals {
  # Terraform appends 26 digits to the name of an environment.
  environment_names = [for model in var.models : "${var.environment_prefix}${model}-${join("", [for _ in range(26) : "?"])}"]

  # Batch names an environment's cluster after it, in one of two forms: NAME_Batch_UUID with a service role of one's own
  # (hashicorp/terraform-provider-aws#38050), AWSBatch-NAME-UUID with its service-linked role (aws/aws-cdk#25305).
  cluster_arns = flatten([
    for name in local.environment_names : [
      "arn:${local.partition}:ecs:${local.region}:${local.account_id}:cluster/${name}_Batch_*",
      "arn:${local.partition}:ecs:${local.region}:${local.account_id}:cluster/AWSBatch-${name}-*",
    ]
  ])

  log_group_arn = "arn:${local.partition}:logs:${local.region}:${local.account_id}:log-group:${var.log_group_name}"
}

resource "aws_iam_role_policy" "instance" {
  # Do not rename it: a rename deletes the policy before it creates the new one, and meanwhile an instance could pull any image.
  name   = "one-repository"
  role   = aws_iam_role.instance.id
  policy = data.aws_iam_policy_document.instance.json
}

resource "aws_iam_instance_profile" "instance" {
  name = "${var.prefix}-instance"
  path = var.path
  role = aws_iam_role.instance.name
}
