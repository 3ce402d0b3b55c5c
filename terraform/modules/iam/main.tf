# One role for each principal, each in its own file: Batch, the instances, the jobs. docs/platform.md says what each may do.
#
# There is no Spot fleet role: Batch asks for one only with the allocation strategy BEST_FIT, and Spot here uses
# SPOT_PRICE_CAPACITY_OPTIMIZED.

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  partition  = data.aws_partition.current.partition
  account_id = data.aws_caller_identity.current.account_id
  region     = data.aws_region.current.name

  managed_policies = "arn:${local.partition}:iam::aws:policy/service-role"
}
