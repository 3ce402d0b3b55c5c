# One role a principal, each in a file of its own: Batch, the instances, the jobs.
#
# There is no Spot fleet role: Batch asks for one only with the allocation strategy BEST_FIT, and Spot here uses
# SPOT_PRICE_CAPACITY_OPTIMIZED.

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

locals {
  managed_policies = "arn:${data.aws_partition.current.partition}:iam::aws:policy/service-role"
}
