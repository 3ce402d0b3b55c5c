# What a scan's container may do: read datasets, write derivatives and its run's record. No delete, no ACL, no secret.

data "aws_iam_policy_document" "job_trust" {
  statement {
    sid     = "TasksOfThisAccount"
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["ecs-tasks.amazonaws.com"]
    }

    # Another account's ECS (the confused deputy), or this account's in another region, cannot use this role.
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account_id]
    }

    # No cluster is named, because Batch creates the clusters and chooses their names.
    condition {
      test     = "ArnLike"
      variable = "aws:SourceArn"
      values   = ["arn:${local.partition}:ecs:${local.region}:${local.account_id}:*"]
    }
  }
}

resource "aws_iam_role" "job" {
  name                 = "${var.prefix}-job"
  path                 = var.path
  description          = "opsctl: one scan reads its inputs and writes its outputs"
  assume_role_policy   = data.aws_iam_policy_document.job_trust.json
  permissions_boundary = var.permissions_boundary
}

locals {
  data_arn     = "arn:${local.partition}:s3:::${var.data_bucket}"
  readable_arn = distinct(concat([local.data_arn], [for bucket in var.source_buckets : "arn:${local.partition}:s3:::${bucket}"]))
}

data "aws_iam_policy_document" "job" {
  # A job lists the claims of other jobs of its scan. S3 also answers 404 for a missing object only to those who may list:
  # without this, or with a condition on the prefix, a missing input looks like a forbidden one. A job may read every object,
  # so their names are no secret to it.
  statement {
    sid       = "ListBuckets"
    actions   = ["s3:ListBucket"]
    resources = local.readable_arn
  }

  # This includes HeadObject. A public bucket of another account also requires this role's own permission.
  statement {
    sid       = "ReadObjects"
    actions   = ["s3:GetObject"]
    resources = [for arn in local.readable_arn : "${arn}/*"]
  }

  # Raw data cannot be written: a wrong output name never overwrites a dataset. Multipart uploads need AbortMultipartUpload;
  # conditional writes, checksums and the parts themselves are s3:PutObject.
  statement {
    sid     = "WriteOutputs"
    actions = ["s3:PutObject", "s3:AbortMultipartUpload"]
    resources = [
      "${local.data_arn}/*/derivatives/*",
      "${local.data_arn}/opsctl/*",
    ]
  }

  # S3 asks KMS for the job: to decrypt an object, and for a key to encrypt one or a part of one. Of the data bucket and of
  # every source bucket with this key; never for anything else than S3.
  dynamic "statement" {
    for_each = var.kms_key_arn == null ? [] : [var.kms_key_arn]

    content {
      sid       = "UseTheKeyThroughS3"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = [statement.value]

      # In China the name of a service ends with .cn.
      condition {
        test     = "StringLike"
        variable = "kms:ViaService"
        values   = ["s3.${local.region}.amazonaws.com*"]
      }
    }
  }
}

resource "aws_iam_role_policy" "job" {
  name   = "data"
  role   = aws_iam_role.job.id
  policy = data.aws_iam_policy_document.job.json
}
