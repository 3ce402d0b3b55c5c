# The data bucket is either created here, or an existing one that only a data source reads.

data "aws_s3_bucket" "existing" {
  count = local.make_bucket ? 0 : 1

  bucket = var.data_bucket
}

# Never set `force_destroy`: the bucket holds subjects' scans.
resource "aws_s3_bucket" "data" {
  count = local.make_bucket ? 1 : 0

  #checkov:skip=CKV_AWS_18:Keys hold subjects' labels, and a log would be a second copy of them. Who must know who read what turns on CloudTrail's data events for the account.
  #checkov:skip=CKV_AWS_144:Copies of patients' data in another region are for the lab to decide. Versioning keeps what is overwritten or deleted.
  #checkov:skip=CKV2_AWS_62:Nothing waits for an object to arrive.
  bucket = local.made_name

  lifecycle {
    prevent_destroy = true

    precondition {
      condition     = length(local.made_name) <= 63
      error_message = "A bucket's name has at most 63 characters, and ${local.made_name} has ${length(local.made_name)}: choose a shorter name or name_prefix."
    }
  }
}

resource "aws_s3_bucket_public_access_block" "data" {
  count = local.make_bucket ? 1 : 0

  bucket                  = aws_s3_bucket.data[0].id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

# ACLs are off: no upload can make an object public or give it to another account.
resource "aws_s3_bucket_ownership_controls" "data" {
  count = local.make_bucket ? 1 : 0

  bucket = aws_s3_bucket.data[0].id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

# S3's own keys unless a key is given: then jobs need no permission for a key, and no key can be deleted while data still
# needs it. A changed key is for new objects; S3 keeps reading each older one with its own.
resource "aws_s3_bucket_server_side_encryption_configuration" "data" {
  count = local.make_bucket ? 1 : 0

  bucket = aws_s3_bucket.data[0].id

  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm     = var.kms_key_arn == null ? "AES256" : "aws:kms"
      kms_master_key_id = var.kms_key_arn
    }

    # One request to KMS for many objects: a run writes thousands.
    bucket_key_enabled = var.kms_key_arn == null ? null : true
  }
}

resource "aws_s3_bucket_versioning" "data" {
  count = local.make_bucket ? 1 : 0

  bucket = aws_s3_bucket.data[0].id

  versioning_configuration {
    status = "Enabled"
  }
}

# The parts of an interrupted upload are invisible, and are charged like objects. No rule deletes anything else, unless
# noncurrent_days asks for it: replaced versions are what restores an object that was overwritten by mistake.
#
# The provider waits 55 s until S3 has answered ten times with the rules, wherever it works.
resource "aws_s3_bucket_lifecycle_configuration" "data" {
  #checkov:skip=CKV_AWS_300:The rule stands unless unfinished_upload_days is 0; the scanner does not see into a dynamic block.
  count = local.make_bucket && (var.unfinished_upload_days > 0 || var.noncurrent_days != null) ? 1 : 0

  bucket = aws_s3_bucket.data[0].id

  dynamic "rule" {
    for_each = var.unfinished_upload_days > 0 ? [var.unfinished_upload_days] : []

    content {
      id     = "unfinished-uploads"
      status = "Enabled"

      filter {}

      abort_incomplete_multipart_upload {
        days_after_initiation = rule.value
      }
    }
  }

  dynamic "rule" {
    for_each = var.noncurrent_days == null ? [] : [var.noncurrent_days]

    content {
      id     = "replaced-versions"
      status = "Enabled"

      filter {}

      noncurrent_version_expiration {
        noncurrent_days = rule.value
      }
    }
  }

  # S3 accepts a rule about versions only in a versioned bucket.
  depends_on = [aws_s3_bucket_versioning.data]
}

data "aws_iam_policy_document" "tls_only" {
  count = local.make_bucket ? 1 : 0

  statement {
    sid     = "DenyPlainHttp"
    effect  = "Deny"
    actions = ["s3:*"]
    resources = [
      local.made_arn,
      "${local.made_arn}/*",
    ]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }

  statement {
    sid     = "DenyOldTls"
    effect  = "Deny"
    actions = ["s3:*"]
    resources = [
      local.made_arn,
      "${local.made_arn}/*",
    ]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "NumericLessThan"
      variable = "s3:TlsVersion"
      values   = ["1.2"]
    }
  }
}

resource "aws_s3_bucket_policy" "data" {
  count = local.make_bucket ? 1 : 0

  bucket = aws_s3_bucket.data[0].id
  policy = data.aws_iam_policy_document.tls_only[0].json

  # S3 answers OperationAborted when a bucket's policy and its public access block are written at the same time.
  depends_on = [aws_s3_bucket_public_access_block.data]
}
