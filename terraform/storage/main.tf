# Data and image outlive the platform: `opsctl down` never touches this root. If the bucket were in the platform's root, a destroy
# would remove its public access block and its encryption before AWS refuses to delete a bucket that is not empty.

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

locals {
  prefix      = "${var.name_prefix}opsctl-${var.name}"
  make_bucket = var.data_bucket == null

  # Bucket names are global: account and region distinguish two labs with the same platform name. At most 63 characters.
  made_name = "${local.prefix}-${data.aws_caller_identity.current.account_id}-${var.region}"
  made_arn  = "arn:${data.aws_partition.current.partition}:s3:::${local.made_name}"
}
