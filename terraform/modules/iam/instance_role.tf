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
}

locals {
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
