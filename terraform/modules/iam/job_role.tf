# What a scan's container may do: read datasets, write derivatives and its run's record. No delete, no ACL, no secret.

data "aws_iam_policy_document" "job_trust" {
  statement {
    sid     = "TasksOfThisAccount"
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["ecs-tasks.amazonaws.com"]
    }

    # Keep another account's ECS from using this role (the confused deputy), and this account's in another region.
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account_id]
    }

    # No cluster is named: Batch makes them, under names of its own.
    condition {
      test     = "ArnLike"
      variable = "aws:SourceArn"
      values   = ["arn:${local.partition}:ecs:${local.region}:${local.account_id}:*"]
    }
  }
}

resource "aws_iam_role" "job" {
  name               = "${var.prefix}-job"
  description        = "opsctl: one scan reads its inputs and writes its outputs"
  assume_role_policy = data.aws_iam_policy_document.job_trust.json
}

locals {
  data_arn     = "arn:${local.partition}:s3:::${var.data_bucket}"
  readable_arn = distinct(concat([local.data_arn], [for bucket in var.source_buckets : "arn:${local.partition}:s3:::${bucket}"]))
}

data "aws_iam_policy_document" "job" {
  # For the claims of a scan's other jobs, and because S3 answers 404 for an object that is not there only to those who may
  # list: without it, or with a condition on the prefix, a missing input looks like a forbidden one. The names of a bucket
  # whose every object may be read are no secret.
  statement {
    sid       = "ListBuckets"
    actions   = ["s3:ListBucket"]
    resources = local.readable_arn
  }

  # HeadObject needs no more. Of a public bucket too: another account's bucket asks for this role's own permission as well.
  statement {
    sid       = "ReadObjects"
    actions   = ["s3:GetObject"]
    resources = [for arn in local.readable_arn : "${arn}/*"]
  }

  # Raw data is out of reach: an output name can be wrong, a dataset is still not overwritten. Uploads in parts need the abort;
  # conditional writes, checksums and the parts themselves are s3:PutObject.
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
