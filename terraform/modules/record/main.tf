# The platform's own record: daily commands read it instead of running Terraform.

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
    log_group       = var.log_group
    spot            = var.spot
    root_volume_gib = var.root_volume_gib
    opsctl_version  = var.opsctl_version
    models          = var.models
  }
}

resource "aws_ssm_parameter" "record" {
  name        = "/opsctl/${var.name}/platform"
  description = "opsctl: what this platform consists of (JSON)"

  # It holds names and ARNs, no secret: anybody who may use the platform may read it.
  type  = "String"
  tier  = "Standard"
  value = jsonencode(local.record)
}
