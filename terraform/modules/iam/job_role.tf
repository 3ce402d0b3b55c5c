# What a scan's container may do: read datasets, write derivatives and its run's record. No delete, no ACL, no secret.

data "aws_iam_policy_document" "job_trust" {
  statement {
    sid     = "TasksOfThisAccount"
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["ecs-tasks.amazonaws.com"]
    }

    # Keeps another account's ECS from using this role (the confused deputy).
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [data.aws_caller_identity.current.account_id]
    }
  }
}

resource "aws_iam_role" "job" {
  name               = "${var.prefix}-job"
  description        = "opsctl: one scan reads its inputs and writes its outputs"
  assume_role_policy = data.aws_iam_policy_document.job_trust.json
}

locals {
  data_arn     = "arn:${data.aws_partition.current.partition}:s3:::${var.data_bucket}"
  readable_arn = distinct(concat([local.data_arn], [for bucket in var.source_buckets : "arn:${data.aws_partition.current.partition}:s3:::${bucket}"]))
}

data "aws_iam_policy_document" "job" {
  # Also what makes S3 answer 404 instead of 403 for an object that is not there.
  statement {
    sid       = "ListBuckets"
    actions   = ["s3:ListBucket"]
    resources = local.readable_arn
  }

  statement {
    sid       = "ReadObjects"
    actions   = ["s3:GetObject"]
    resources = [for arn in local.readable_arn : "${arn}/*"]
  }

  # Raw data is out of reach: an output name can be wrong, a dataset is still not overwritten. Uploads in parts need the abort.
  statement {
    sid     = "WriteOutputs"
    actions = ["s3:PutObject", "s3:AbortMultipartUpload"]
    resources = [
      "${local.data_arn}/*/derivatives/*",
      "${local.data_arn}/opsctl/*",
    ]
  }
}

resource "aws_iam_role_policy" "job" {
  name   = "data"
  role   = aws_iam_role.job.id
  policy = data.aws_iam_policy_document.job.json
}
