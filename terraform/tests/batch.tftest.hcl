# Only settings that tests/terraform does not apply: Spot, waiting for ever, a size that never fits.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  prefix                   = "opsctl-m2g"
  log_group_name           = "/opsctl/m2g"
  tags                     = { "opsctl:platform" = "m2g" }
  image                    = "example.org/m2g:1"
  spot                     = false
  spot_fallback            = false
  no_capacity_wait_seconds = 86400
  misfit_wait_seconds      = 1800
  attempts                 = 3
  attempt_timeout_seconds  = 21600
  root_volume_gib          = 100
  key_pair                 = null
  kms_key_arn              = null
  log_retention_days       = 30
  subnet_ids               = ["subnet-1", "subnet-2"]
  security_group_id        = "sg-1"
  service_role_arn         = "arn:aws:iam::123456789012:role/service"
  instance_profile_arn     = "arn:aws:iam::123456789012:instance-profile/instance"
  job_role_arn             = "arn:aws:iam::123456789012:role/job"

  models = {
    csd = { instance_type = "r5.large", vcpus = 2, memory_mib = 15200, max_vcpus = 512 }
    csa = { instance_type = "r5.xlarge", vcpus = 4, memory_mib = 30400, max_vcpus = 1024 }
  }
}

run "spot_with_key" {
  command = plan

  module {
    source = "./modules/batch"
  }

  variables {
    spot     = true
    key_pair = "lab"
  }

  assert {
    condition = alltrue([
      for environment in aws_batch_compute_environment.model : environment.compute_resources[0].type == "SPOT" && environment.compute_resources[0].allocation_strategy == "SPOT_PRICE_CAPACITY_OPTIMIZED" &&
      environment.compute_resources[0].spot_iam_fleet_role == null && environment.compute_resources[0].ec2_key_pair == "lab"
    ])
    error_message = "Spot by a strategy that needs no fleet role."
  }
}

run "the_throughput_of_a_shared_disk" {
  command = plan

  module {
    source = "./modules/batch"
  }

  variables {
    root_volume_throughput = 250
  }

  assert {
    condition     = aws_launch_template.jobs.block_device_mappings[0].ebs[0].throughput == 250
    error_message = "It reaches the launch template."
  }
}

run "spot_with_fallback_and_more_types" {
  module {
    source = "./modules/batch"
  }

  variables {
    spot          = true
    spot_fallback = true

    models = {
      csd = { instance_type = "r5.large", more_instance_types = ["r5a.large", "r6i.large"], vcpus = 2, memory_mib = 15200, max_vcpus = 512 }
    }
  }

  assert {
    condition = {
      for name, environment in aws_batch_compute_environment.model : name => "${environment.compute_resources[0].type} ${environment.compute_resources[0].allocation_strategy}"
    } == { csd = "SPOT SPOT_PRICE_CAPACITY_OPTIMIZED", csd-on-demand = "EC2 BEST_FIT_PROGRESSIVE" }
    error_message = "A Spot environment and an on-demand environment."
  }

  assert {
    condition = alltrue([
      for environment in aws_batch_compute_environment.model : environment.compute_environment_name_prefix == "opsctl-m2g-csd-" &&
      environment.compute_resources[0].instance_type == toset(["r5.large", "r5a.large", "r6i.large"]) && environment.compute_resources[0].max_vcpus == 512
    ])
    error_message = "Both take all types, and are named so that one permission covers them."
  }

  assert {
    condition     = [for one in aws_batch_job_queue.model["csd"].compute_environment_order : one.order] == [1, 2]
    error_message = "On-demand comes second."
  }

  assert {
    condition     = output.models.csd.instance_type == "r5.large" && output.models.csd.more_instance_types == tolist(["r5a.large", "r6i.large"])
    error_message = "The record says which types."
  }
}

run "fallback_without_spot" {
  command = plan

  module {
    source = "./modules/batch"
  }

  variables {
    spot_fallback = true
  }

  assert {
    condition     = length(aws_batch_compute_environment.model) == 2 && alltrue([for queue in aws_batch_job_queue.model : length(queue.compute_environment_order) == 1])
    error_message = "On-demand needs no second on-demand environment."
  }
}

run "wait_for_capacity_for_ever" {
  command = plan

  module {
    source = "./modules/batch"
  }

  variables {
    no_capacity_wait_seconds = null
  }

  assert {
    condition     = alltrue([for queue in aws_batch_job_queue.model : [for limit in queue.job_state_time_limit_action : split(":", limit.reason)[0]] == ["MISCONFIGURATION", "MISCONFIGURATION"]])
    error_message = "Without a limit, a scan waits for capacity for ever; a scan that no instance can hold is still cancelled."
  }
}

run "a_scan_that_never_fits" {
  command = plan

  module {
    source = "./modules/batch"
  }

  variables {
    models = { csd = { instance_type = "r5.large", vcpus = 2, memory_mib = 15200, max_vcpus = 1 } }
  }

  expect_failures = [var.models]
}

run "disks_and_logs_with_a_key" {
  command = plan

  module {
    source = "./modules/batch"
  }

  variables {
    kms_key_arn = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
  }

  assert {
    condition     = aws_launch_template.jobs.block_device_mappings[0].ebs[0].kms_key_id == var.kms_key_arn && aws_cloudwatch_log_group.jobs.kms_key_id == var.kms_key_arn
    error_message = "Disks and log lines are encrypted with the key."
  }
}
