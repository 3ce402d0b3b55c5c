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

# Applied, because ARNs and the template's version are known only then.
run "on_demand" {
  module {
    source = "./modules/batch"
  }

  assert {
    condition     = { for model, environment in aws_batch_compute_environment.model : model => one(environment.compute_resources[0].instance_type) } == { csd = "r5.large", csa = "r5.xlarge" }
    error_message = "One type a model."
  }

  assert {
    condition     = { for model, environment in aws_batch_compute_environment.model : model => environment.compute_resources[0].max_vcpus } == { csd = 512, csa = 1024 }
    error_message = "The most vCPUs of each model."
  }

  assert {
    condition = alltrue([
      for environment in aws_batch_compute_environment.model : environment.type == "MANAGED" && environment.state == "ENABLED" && environment.compute_resources[0].type == "EC2" &&
      environment.compute_resources[0].allocation_strategy == "BEST_FIT_PROGRESSIVE" && environment.compute_resources[0].min_vcpus == 0
    ])
    error_message = "Managed on-demand instances, none when nothing waits."
  }

  assert {
    condition = alltrue([
      for environment in aws_batch_compute_environment.model : one(environment.compute_resources[0].security_group_ids) == "sg-1" &&
      environment.compute_resources[0].subnets == toset(["subnet-1", "subnet-2"]) && environment.compute_resources[0].instance_role == var.instance_profile_arn &&
      environment.service_role == var.service_role_arn && environment.compute_resources[0].ec2_key_pair == null
    ])
    error_message = "Network and roles are the ones given, and no key pair unless asked for."
  }

  assert {
    condition     = alltrue([for environment in aws_batch_compute_environment.model : environment.compute_resources[0].ec2_configuration[0].image_type == "ECS_AL2023"])
    error_message = "The image whose root device the launch template names."
  }

  assert {
    condition     = alltrue([for environment in aws_batch_compute_environment.model : environment.compute_resources[0].launch_template[0].version == "7"])
    error_message = "The template's version is pinned."
  }

  assert {
    condition     = alltrue([for environment in aws_batch_compute_environment.model : length(environment.compute_resources[0].tags == null ? {} : environment.compute_resources[0].tags) == 0])
    error_message = "Tags in here would replace the environment."
  }

  assert {
    condition     = alltrue([for queue in aws_batch_job_queue.model : queue.priority == 1 && queue.state == "ENABLED" && length(queue.compute_environment_order) == 1])
    error_message = "A queue a model, with its one environment."
  }

  assert {
    condition     = keys(aws_batch_compute_environment.model) == ["csa", "csd"]
    error_message = "An environment a model: another address would make them anew under running scans."
  }

  assert {
    condition = alltrue([
      for queue in aws_batch_job_queue.model : [for limit in queue.job_state_time_limit_action : "${limit.state} ${limit.reason} ${limit.max_time_seconds} ${limit.action}"] == [
        "RUNNABLE CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY 86400 CANCEL",
        "RUNNABLE MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE 1800 CANCEL",
        "RUNNABLE MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT 1800 CANCEL",
      ]
    ])
    error_message = "What cannot start is cancelled in the end, with its reason."
  }

  assert {
    condition     = { for model, queue in aws_batch_job_queue.model : model => queue.name } == { csd = "opsctl-m2g-csd", csa = "opsctl-m2g-csa" }
    error_message = "Names can be told beforehand."
  }

  assert {
    condition     = output.models.csd.vcpus == 2 && output.models.csd.memory_mib == 15200 && output.models.csa.job_definition == aws_batch_job_definition.model["csa"].arn && output.log_group == "/opsctl/m2g"
    error_message = "What the record is made of."
  }
}

run "job_definition" {
  command = plan

  module {
    source = "./modules/batch"
  }

  assert {
    condition = {
      for model, definition in aws_batch_job_definition.model : model => { for need in jsondecode(definition.container_properties).resourceRequirements : need.type => need.value }
    } == { csd = { VCPU = "2", MEMORY = "15200" }, csa = { VCPU = "4", MEMORY = "30400" } }
    error_message = "One scan fills one instance."
  }

  assert {
    condition     = alltrue([for definition in aws_batch_job_definition.model : jsondecode(definition.container_properties).privileged == false && jsondecode(definition.container_properties).jobRoleArn == var.job_role_arn])
    error_message = "Not privileged, with the job's own role."
  }

  assert {
    condition     = alltrue([for definition in aws_batch_job_definition.model : jsondecode(definition.container_properties).environment == [{ name = "AWS_DEFAULT_REGION", value = "us-east-1" }]])
    error_message = "The region, and no secret."
  }

  assert {
    condition = alltrue([
      for definition in aws_batch_job_definition.model : length(setintersection(keys(jsondecode(definition.container_properties)), ["secrets", "volumes", "mountPoints", "linuxParameters", "executionRoleArn"])) == 0
    ])
    error_message = "No secret, nothing of the host's, no device."
  }

  assert {
    condition = alltrue([
      for model, definition in aws_batch_job_definition.model : jsondecode(definition.container_properties).logConfiguration == {
        logDriver = "awslogs"
        options   = { "awslogs-group" = "/opsctl/m2g", "awslogs-region" = "us-east-1", "awslogs-stream-prefix" = model }
      }
    ])
    error_message = "Lines go to the platform's group, under the model."
  }

  assert {
    condition = alltrue([
      for definition in aws_batch_job_definition.model : definition.retry_strategy[0].attempts == 3 && [
        for rule in definition.retry_strategy[0].evaluate_on_exit : join(" ", compact([rule.on_status_reason, rule.on_reason, rule.on_exit_code, upper(rule.action)]))
      ] == ["Host EC2* RETRY", "CannotPullContainer* RETRY", "75 RETRY", "* EXIT"]
    ])
    error_message = "Only what passes by itself is tried again, in this order."
  }

  assert {
    condition     = alltrue([for definition in aws_batch_job_definition.model : definition.timeout[0].attempt_duration_seconds == 21600 && definition.propagate_tags && definition.platform_capabilities == toset(["EC2"])])
    error_message = "An attempt ends by itself, and its task carries the tags."
  }
}

run "launch_template" {
  command = plan

  module {
    source = "./modules/batch"
  }

  variables {
    root_volume_gib = 30
  }

  assert {
    condition     = aws_launch_template.jobs.metadata_options[0].http_tokens == "required" && aws_launch_template.jobs.metadata_options[0].http_put_response_hop_limit == 1
    error_message = "IMDSv2 only, one hop."
  }

  assert {
    condition     = aws_launch_template.jobs.block_device_mappings[0].device_name == "/dev/xvda" && aws_launch_template.jobs.block_device_mappings[0].ebs[0].volume_type == "gp3" && aws_launch_template.jobs.block_device_mappings[0].ebs[0].volume_size == 30
    error_message = "The root disk has the size asked for."
  }

  assert {
    condition     = aws_launch_template.jobs.block_device_mappings[0].ebs[0].encrypted == "true" && aws_launch_template.jobs.block_device_mappings[0].ebs[0].delete_on_termination == "true"
    error_message = "The disk holds patients' data: encrypted, and gone with its instance."
  }

  assert {
    condition = jsonencode({
      for specification in aws_launch_template.jobs.tag_specifications : specification.resource_type => specification.tags
      }) == jsonencode({
      instance = { "opsctl:platform" = "m2g", Name = "opsctl-m2g-job" }
      volume   = { "opsctl:platform" = "m2g", Name = "opsctl-m2g-job" }
    })
    error_message = "default_tags do not reach instances and disks."
  }

  assert {
    condition     = startswith(base64decode(aws_launch_template.jobs.user_data), "MIME-Version: 1.0\n") && strcontains(base64decode(aws_launch_template.jobs.user_data), "\nECS_CONTAINER_CREATE_TIMEOUT=20m\n")
    error_message = "Batch takes MIME only; m2g's image needs longer than ECS waits."
  }

  assert {
    condition     = aws_cloudwatch_log_group.jobs.name == "/opsctl/m2g" && aws_cloudwatch_log_group.jobs.retention_in_days == 30
    error_message = "Log lines are not kept for ever."
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
    error_message = "Spot, and beside it on-demand."
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
    error_message = "Whoever has the patience waits for capacity; what no instance can hold is cancelled all the same."
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
