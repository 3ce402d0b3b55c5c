# The platform's record: daily commands read it instead of running Terraform.

data "aws_caller_identity" "current" {}

locals {
  record = {
    schema_version  = 1
    name            = var.name
    region          = var.region
    account_id      = data.aws_caller_identity.current.account_id
    data_bucket     = var.data_bucket
    repository_url  = var.repository_url
    image           = var.image
    m2g_image       = coalesce(var.m2g_image, var.image)
    log_group       = module.batch.log_group
    spot            = var.spot
    spot_fallback   = var.spot && var.spot_fallback
    root_volume_gib = local.root_volume_gib
    opsctl_version  = var.opsctl_version
    options         = jsondecode(var.options)

    # What differs from one scan on each instance of one type is listed only if there is any: an opsctl that does not know the
    # field can then read the rest.
    models = {
      for name, model in module.batch.models : name => {
        for key, value in model : key => value
        if(key != "more_instance_types" || length(model.more_instance_types) > 0) &&
        (!contains(["instance_vcpus", "instance_memory_mib"], key) || local.instances[name].scans > 1)
      }
    }
  }
}

resource "aws_ssm_parameter" "record" {
  #checkov:skip=CKV2_AWS_34:It holds names and ARNs, no secret: colleagues read it without a key's permission.
  name        = "/opsctl/${var.name}/platform"
  description = "opsctl: what this platform consists of (JSON)"

  type  = "String"
  tier  = "Standard"
  value = jsonencode(local.record)
}

moved {
  from = module.record.aws_ssm_parameter.record
  to   = aws_ssm_parameter.record
}
