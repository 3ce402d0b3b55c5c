# `opsctl up` creates the platform and `opsctl down` deletes it. It holds none of the users' data.

locals {
  prefix         = "${var.name_prefix}opsctl-${var.name}"
  log_group_name = "/opsctl/${var.name}"

  # One scan for each instance. memory_mib is what the system and the ECS agent leave free on that type: with one MiB more than
  # an instance registers, a job stays RUNNABLE for ever.
  models = {
    csd = { instance_type = "r5.large", more_instance_types = local.more_types.large, vcpus = 2, memory_mib = 15200, max_vcpus = var.csd_max_vcpus }
    csa = { instance_type = "r5.xlarge", more_instance_types = local.more_types.xlarge, vcpus = 4, memory_mib = 30400, max_vcpus = var.csa_max_vcpus }
  }

  # All memory-optimised families have the same shape at one size: 8 GiB for each vCPU.
  more_types = { for size in ["large", "xlarge"] : size => [for family in var.more_instance_families : "${family}.${size}"] }
}

# The platform's own network, unless there is one to use.
module "vpc" {
  source = "../modules/vpc"
  count  = var.vpc_id == null ? 1 : 0

  prefix              = local.prefix
  cidr                = var.vpc_cidr
  zones               = var.zones
  instance_types      = [for model in local.models : model.instance_type]
  more_instance_types = flatten([for model in local.models : model.more_instance_types])
}

moved {
  from = module.vpc
  to   = module.vpc[0]
}

module "existing_vpc" {
  source = "../modules/existing_vpc"
  count  = var.vpc_id == null ? 0 : 1

  prefix     = local.prefix
  vpc_id     = var.vpc_id
  subnet_ids = var.subnet_ids
}

module "iam" {
  source = "../modules/iam"

  # Roles belong to an account, not to a region: the region in the name separates two platforms of the same name.
  prefix               = "${local.prefix}-${var.region}"
  path                 = var.role_path
  permissions_boundary = var.permissions_boundary
  environment_prefix   = "${local.prefix}-"
  models               = keys(local.models)
  data_bucket          = var.data_bucket
  source_buckets       = var.source_buckets
  kms_key_arn          = var.kms_key_arn
  repository_arn       = var.repository_arn
  log_group_name       = local.log_group_name
}

module "batch" {
  source = "../modules/batch"

  prefix                   = local.prefix
  log_group_name           = local.log_group_name
  tags                     = merge(var.tags, { "opsctl:platform" = var.name })
  models                   = local.models
  image                    = var.image
  spot                     = var.spot
  spot_fallback            = var.spot_fallback
  no_capacity_wait_seconds = var.no_capacity_wait_seconds
  misfit_wait_seconds      = var.misfit_wait_seconds
  attempts                 = var.attempts
  attempt_timeout_seconds  = var.attempt_timeout_seconds
  root_volume_gib          = var.root_volume_gib
  key_pair                 = var.key_pair
  log_retention_days       = var.log_retention_days
  kms_key_arn              = var.kms_key_arn
  subnet_ids               = one(concat(module.vpc, module.existing_vpc)).subnet_ids
  security_group_id        = one(concat(module.vpc, module.existing_vpc)).security_group_id
  service_role_arn         = module.iam.service_role_arn
  instance_profile_arn     = module.iam.instance_profile_arn
  job_role_arn             = module.iam.job_role_arn
}

# Only where somebody is to be told.
module "notices" {
  source = "../modules/notices"
  count  = length(var.notify_emails) > 0 ? 1 : 0

  prefix         = local.prefix
  platform       = var.name
  emails         = var.notify_emails
  job_queue_arns = [for model in module.batch.models : model.job_queue]
}
