# Policies for people, as text: nothing is attached to anybody here. An administrator attaches them (docs/permissions.md).
#
# What has a name is meant by its name, to the last character: `opsctl-m2g-*` would also be the platform `m2g-x`. What has an
# id only (EC2) is meant by its tag.

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  prefix     = "opsctl-${var.name}"
  partition  = data.aws_partition.current.partition
  region     = data.aws_region.current.name
  account_id = data.aws_caller_identity.current.account_id

  here = "${local.region}:${local.account_id}"
  iam  = "arn:${local.partition}:iam::${local.account_id}"

  data_arn     = "arn:${local.partition}:s3:::${var.data_bucket}"
  readable_arn = distinct(concat([local.data_arn], [for bucket in var.source_buckets : "arn:${local.partition}:s3:::${bucket}"]))

  queues      = [for model in var.models : "arn:${local.partition}:batch:${local.here}:job-queue/${local.prefix}-${model}"]
  definitions = [for model in var.models : "arn:${local.partition}:batch:${local.here}:job-definition/${local.prefix}-${model}"]
  revisions   = [for arn in local.definitions : "${arn}:*"]
  jobs        = "arn:${local.partition}:batch:${local.here}:job/*"

  # CloudWatch Logs names a group with and without what follows, depending on the action.
  log_group  = "arn:${local.partition}:logs:${local.here}:log-group:/opsctl/${var.name}"
  log_groups = [local.log_group, "${local.log_group}:*"]

  repository = "arn:${local.partition}:ecr:${local.here}:repository/${local.prefix}"
  record     = "arn:${local.partition}:ssm:${local.here}:parameter/opsctl/${var.name}/platform"
}
