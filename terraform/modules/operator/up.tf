# For people who make the platform: up, down, image, and Terraform's calls for both roots, without the network's
# (up_network.tf): IAM takes 6,144 characters a policy. They delete neither the data bucket nor an object nor the image
# repository, and touch nothing of another platform.

locals {
  roles   = [for kind in ["instance", "job", "service"] : "${local.iam}:role/${local.prefix}-${local.region}-${kind}"]
  profile = "${local.iam}:instance-profile/${local.prefix}-${local.region}-instance"

  # Terraform ends a name with 26 digits of its own; a * would also be an environment of the platform `<name>-<model>`.
  environments = [for model in var.models : "arn:${local.partition}:batch:${local.here}:compute-environment/${local.prefix}-${model}-${join("", [for digit in range(26) : "?"])}"]

  made_bucket = "arn:${local.partition}:s3:::${local.prefix}-${local.account_id}-${local.region}"
}

data "aws_iam_policy_document" "up" {
  statement {
    sid = "SeeWhatIsThere"
    actions = [
      "batch:DescribeComputeEnvironments",
      "batch:DescribeJobDefinitions",
      "batch:DescribeJobQueues",
      "batch:DescribeJobs",
      "batch:ListJobs",
      "ecr:GetAuthorizationToken",
      "logs:DescribeLogGroups",
      "ssm:DescribeParameters",
    ]

    # None of these has a resource form.
    resources = ["*"]

    condition {
      test     = "StringEquals"
      variable = "aws:RequestedRegion"
      values   = [local.region]
    }
  }

  statement {
    sid     = "SeeRoles"
    actions = ["iam:ListInstanceProfiles", "iam:ListRoles"]

    # Neither has a resource form, and roles are in no region.
    resources = ["*"]
  }

  statement {
    sid = "MakeTheDataBucket"
    actions = [
      "s3:CreateBucket",
      "s3:GetAccelerateConfiguration",
      "s3:GetBucketAcl",
      "s3:GetBucketCORS",
      "s3:GetBucketLogging",
      "s3:GetBucketObjectLockConfiguration",
      "s3:GetBucketOwnershipControls",
      "s3:GetBucketPolicy",
      "s3:GetBucketPublicAccessBlock",
      "s3:GetBucketRequestPayment",
      "s3:GetBucketTagging",
      "s3:GetBucketVersioning",
      "s3:GetBucketWebsite",
      "s3:GetEncryptionConfiguration",
      "s3:GetLifecycleConfiguration",
      "s3:GetReplicationConfiguration",
      "s3:PutBucketOwnershipControls",
      "s3:PutBucketPolicy",
      "s3:PutBucketPublicAccessBlock",
      "s3:PutBucketTagging",
      "s3:PutBucketVersioning",
      "s3:PutEncryptionConfiguration",
      "s3:PutLifecycleConfiguration",
    ]
    resources = [local.made_bucket]
  }

  # `down` says what it keeps: how many objects, and what the runs have cost.
  statement {
    sid       = "CountWhatIsKept"
    actions   = ["s3:ListBucket"]
    resources = distinct([local.made_bucket, local.data_arn])
  }

  statement {
    sid       = "ReadRunsRecords"
    actions   = ["s3:GetObject"]
    resources = ["${local.data_arn}/opsctl/*"]
  }

  statement {
    sid = "MakeAndFillTheRepository"
    actions = [
      "ecr:BatchCheckLayerAvailability",
      "ecr:BatchGetImage",
      "ecr:CompleteLayerUpload",
      "ecr:CreateRepository",
      "ecr:DescribeImages",
      "ecr:DescribeRepositories",
      "ecr:GetDownloadUrlForLayer",
      "ecr:InitiateLayerUpload",
      "ecr:ListTagsForResource",
      "ecr:PutImage",
      "ecr:TagResource",
      "ecr:UploadLayerPart",
    ]
    resources = [local.repository]
  }

  statement {
    sid = "MakeAndRemoveRoles"
    actions = [
      "iam:CreateRole",
      "iam:DeleteRole",
      "iam:DeleteRolePolicy",
      "iam:DetachRolePolicy",
      "iam:GetRole",
      "iam:GetRolePolicy",
      "iam:ListAttachedRolePolicies",
      "iam:ListInstanceProfilesForRole",
      "iam:ListRolePolicies",
      "iam:PutRolePolicy",
      "iam:TagRole",
      "iam:UpdateAssumeRolePolicy",
    ]
    resources = local.roles
  }

  # Of AWS's own policies, the two that the roles have.
  statement {
    sid       = "AttachTwoPolicies"
    actions   = ["iam:AttachRolePolicy"]
    resources = local.roles

    condition {
      test     = "ArnEquals"
      variable = "iam:PolicyARN"
      values = [
        "arn:${local.partition}:iam::aws:policy/service-role/AWSBatchServiceRole",
        "arn:${local.partition}:iam::aws:policy/service-role/AmazonEC2ContainerServiceforEC2Role",
      ]
    }
  }

  statement {
    sid = "MakeAndRemoveTheProfile"
    actions = [
      "iam:AddRoleToInstanceProfile",
      "iam:CreateInstanceProfile",
      "iam:DeleteInstanceProfile",
      "iam:GetInstanceProfile",
      "iam:RemoveRoleFromInstanceProfile",
      "iam:TagInstanceProfile",
    ]
    resources = [local.profile]
  }

  statement {
    sid       = "PassRoles"
    actions   = ["iam:PassRole"]
    resources = local.roles

    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["batch.amazonaws.com", "ec2.amazonaws.com", "ecs-tasks.amazonaws.com"]
    }
  }

  statement {
    sid = "MakeAndRemoveQueues"
    actions = [
      "batch:CreateComputeEnvironment",
      "batch:CreateJobQueue",
      "batch:DeleteComputeEnvironment",
      "batch:DeleteJobQueue",
      "batch:DeregisterJobDefinition",
      "batch:RegisterJobDefinition",
      "batch:TagResource",
      "batch:UpdateComputeEnvironment",
      "batch:UpdateJobQueue",
    ]
    resources = concat(local.environments, local.queues, local.definitions, local.revisions)
  }

  # A job has an id and no name, so this is every job of the account in this region.
  statement {
    sid       = "EndJobs"
    actions   = ["batch:TerminateJob*"]
    resources = [local.jobs]
  }

  statement {
    sid = "MakeAndRemoveTheLogGroup"
    actions = [
      "logs:CreateLogGroup",
      "logs:DeleteLogGroup",
      "logs:ListTagsForResource",
      "logs:PutRetentionPolicy",
      "logs:TagResource",
    ]
    resources = local.log_groups
  }

  statement {
    sid = "WriteThePlatformsRecord"
    actions = [
      "ssm:AddTagsToResource",
      "ssm:DeleteParameter",
      "ssm:GetParameter",
      "ssm:GetParameters",
      "ssm:ListTagsForResource",
      "ssm:PutParameter",
    ]
    resources = [local.record]
  }
}
