# `opsctl up` creates the platform and `opsctl down` deletes it. It holds none of the users' data.

locals {
  prefix         = "${var.name_prefix}opsctl-${var.name}"
  log_group_name = "/opsctl/${var.name}"

  # What one instance leaves for jobs. memory_mib is what the system and the ECS agent leave free on that type: with one MiB more
  # than an instance registers, a job stays RUNNABLE for ever.
  instances = {
    csd = { size = "large", vcpus = 2, memory_mib = 15200, max_vcpus = var.csd_max_vcpus, scans = var.csd_scans_per_instance }
    csa = { size = "xlarge", vcpus = 4, memory_mib = 30400, max_vcpus = var.csa_max_vcpus, scans = var.csa_scans_per_instance }
  }

  # One scan for each instance by default. Of several, each gets its share of the memory and whole vCPUs.
  models = {
    for model, instance in local.instances : model => {
      instance_type       = "r5.${instance.size}"
      more_instance_types = local.more_types[model]
      vcpus               = floor(instance.vcpus / instance.scans)
      memory_mib          = floor(instance.memory_mib / instance.scans)
      instance_vcpus      = instance.vcpus
      instance_memory_mib = instance.memory_mib
      max_vcpus           = instance.max_vcpus
    }
  }

  # All memory-optimised families have the same shape at one size: 8 GiB for each vCPU. On a larger one Batch puts as many scans as
  # fit: each has the vCPUs and the memory that it has on the model's own size.
  size_vcpus = { large = 2, xlarge = 4, "2xlarge" = 8, "4xlarge" = 16, "8xlarge" = 32, "12xlarge" = 48, "16xlarge" = 64, "24xlarge" = 96 }
  sizes = {
    for model, instance in local.instances : model => concat(
      [instance.size], [for size in var.more_instance_sizes : size if local.size_vcpus[size] > instance.vcpus]
    )
  }
  more_types = {
    for model, instance in local.instances : model => [
      for type in flatten([for size in local.sizes[model] : [for family in concat(["r5"], var.more_instance_families) : "${family}.${size}"]]) :
      type if type != "r5.${instance.size}"
    ]
  }

  # The most scans that share an instance, and its disk.
  most_scans = max([
    for model, instance in local.instances :
    instance.scans * max([for size in local.sizes[model] : local.size_vcpus[size] / instance.vcpus]...)
  ]...)

  # Without a measurement 100 GiB, and where scans share the disk at least 40 GiB for the system and m2g's image and 10 GiB for each.
  # `opsctl size` measures both and proposes a size, which is taken as it is: never less than the 30 GiB of the machine image's
  # snapshot, and 1 GiB for each scan that shares the disk.
  root_volume_gib = (
    var.root_volume_gib == null
    ? max(100, local.most_scans > 1 ? 40 + 10 * local.most_scans : 0)
    : max(var.root_volume_gib, local.most_scans > 1 ? 30 + local.most_scans : 0)
  )

  # gp3's own 125 MiB/s are named where scans share them. For one scan nothing is said: a new version of the launch template
  # would replace the environments of every platform.
  root_volume_throughput = var.root_volume_throughput == null && local.most_scans > 1 ? 125 : var.root_volume_throughput
}

# The platform's own network, unless there is one to use.
module "vpc" {
  source = "../modules/vpc"
  count  = var.vpc_id == null ? 1 : 0

  prefix              = local.prefix
  cidr                = var.vpc_cidr
  zones               = var.zones
  instance_types      = [for model in local.models : model.instance_type]
  more_instance_types = distinct(flatten([for model in local.models : model.more_instance_types]))
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
  root_volume_gib          = local.root_volume_gib
  root_volume_throughput   = local.root_volume_throughput
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

# Only where an amount is set.
module "budget" {
  source = "../modules/budget"
  count  = var.monthly_budget == null ? 0 : 1

  prefix   = local.prefix
  platform = var.name
  region   = var.region
  usd      = var.monthly_budget
  emails   = var.notify_emails
}
