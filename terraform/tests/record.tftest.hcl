mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name            = "m2g"
  region          = "us-east-1"
  data_bucket     = "lab-data"
  repository_url  = "123456789012.dkr.ecr.us-east-1.amazonaws.com/opsctl-m2g"
  image           = "123456789012.dkr.ecr.us-east-1.amazonaws.com/opsctl-m2g:0.1.0"
  log_group       = "/opsctl/m2g"
  spot            = true
  spot_fallback   = true
  root_volume_gib = 100
  opsctl_version  = "0.1.0"

  models = {
    csd = { job_queue = "q", compute_environment = "e", job_definition = "d:1", instance_type = "r5.large", vcpus = 2, memory_mib = 15200, max_vcpus = 512 }
  }
}

run "record" {
  command = plan

  module {
    source = "./modules/record"
  }

  assert {
    condition     = aws_ssm_parameter.record.name == "/opsctl/m2g/platform" && aws_ssm_parameter.record.type == "String" && aws_ssm_parameter.record.tier == "Standard"
    error_message = "A plain parameter under the platform's name."
  }

  assert {
    condition = jsondecode(nonsensitive(aws_ssm_parameter.record.value)) == {
      schema_version  = 1
      name            = "m2g"
      region          = "us-east-1"
      account_id      = "123456789012"
      data_bucket     = "lab-data"
      repository_url  = "123456789012.dkr.ecr.us-east-1.amazonaws.com/opsctl-m2g"
      image           = "123456789012.dkr.ecr.us-east-1.amazonaws.com/opsctl-m2g:0.1.0"
      log_group       = "/opsctl/m2g"
      spot            = true
      spot_fallback   = true
      root_volume_gib = 100
      opsctl_version  = "0.1.0"
      options         = {}
      models = {
        csd = { job_queue = "q", compute_environment = "e", job_definition = "d:1", instance_type = "r5.large", vcpus = 2, memory_mib = 15200, max_vcpus = 512 }
      }
    }
    error_message = "Exactly the fields that opsctl reads."
  }

  assert {
    condition     = jsonencode(output.record) == nonsensitive(aws_ssm_parameter.record.value)
    error_message = "Output and parameter are one record."
  }
}
