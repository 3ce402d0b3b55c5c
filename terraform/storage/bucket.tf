# Two cases, one name: a bucket made here, or an existing one that only a data source reads.

data "aws_s3_bucket" "existing" {
  count = local.make_bucket ? 0 : 1

  bucket = var.data_bucket
}

# No `force_destroy`, ever: subjects' scans lie here.
resource "aws_s3_bucket" "data" {
  count = local.make_bucket ? 1 : 0

  #checkov:skip=CKV_AWS_18:Keys hold subjects' labels, and a log would be a second copy of them. Who must know who read what turns on CloudTrail's data events for the account.
  #checkov:skip=CKV_AWS_144:Copies of patients' data in another region are for the lab to decide. Versioning keeps what is overwritten or deleted.
  #checkov:skip=CKV_AWS_145:S3's own keys, for the reason at the encryption below.
  #checkov:skip=CKV2_AWS_62:Nothing waits for an object to arrive.
  bucket = local.made_name

  lifecycle {
    prevent_destroy = true
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

# ACLs are off: no upload, whoever sends it, can make an object public or somebody else's.
resource "aws_s3_bucket_ownership_controls" "data" {
  count = local.make_bucket ? 1 : 0

  bucket = aws_s3_bucket.data[0].id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

# S3's own keys, not KMS: jobs need no key permission, and no key can be deleted while data still needs it.
resource "aws_s3_bucket_server_side_encryption_configuration" "data" {
  count = local.make_bucket ? 1 : 0

  bucket = aws_s3_bucket.data[0].id

  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
    }
  }
}

resource "aws_s3_bucket_versioning" "data" {
  count = local.make_bucket ? 1 : 0

  bucket = aws_s3_bucket.data[0].id

  versioning_configuration {
    status = "Enabled"
  }
}

# Parts of an upload that broke off are invisible and cost as objects do. Nothing else is ever deleted by a rule, and of
# replaced versions nothing unless asked for: they are what undoes an overwriting by mistake.
resource "aws_s3_bucket_lifecycle_configuration" "data" {
  count = local.make_bucket ? 1 : 0

  bucket = aws_s3_bucket.data[0].id

  rule {
    id     = "unfinished-uploads"
    status = "Enabled"

    filter {}

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
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

  # S3 takes a rule about versions only where there are versions.
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
