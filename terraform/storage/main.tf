# What outlives the platform: the data, and the image that made it. `opsctl down` never touches this root. A bucket inside a
# stack that is destroyed loses its public access block and its encryption before AWS refuses to delete it for not being empty.

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

locals {
  prefix      = "opsctl-${var.name}"
  make_bucket = var.data_bucket == null

  # Bucket names are global: account and region keep two labs with the same platform name apart. At most 63 characters.
  made_name = "${local.prefix}-${data.aws_caller_identity.current.account_id}-${var.region}"
  made_arn  = "arn:${data.aws_partition.current.partition}:s3:::${local.made_name}"
}
