locals {
  has_fallback = var.spot && var.spot_fallback

  environments = merge(
    { for name, model in var.models : name => merge(model, { name = name, spot = var.spot }) },
    { for name, model in var.models : "${name}-on-demand" => merge(model, { name = name, spot = false }) if local.has_fallback },
  )
}

resource "aws_batch_compute_environment" "model" {
  for_each = local.environments

  # A prefix, because an environment that a queue uses cannot be deleted: its successor is made first, the queue moves, then it goes.
  compute_environment_name_prefix = "${var.prefix}-${each.value.name}-"

  type         = "MANAGED"
  state        = "ENABLED"
  service_role = var.service_role_arn

  # No tags in here: changing one would replace the environment. The launch template tags instances and disks.
  compute_resources {
    type = each.value.spot ? "SPOT" : "EC2"

    # Neither strategy needs a Spot fleet role. BEST_FIT would, and would also wait for one type rather than take what is there.
    allocation_strategy = each.value.spot ? "SPOT_PRICE_CAPACITY_OPTIMIZED" : "BEST_FIT_PROGRESSIVE"

    # Nothing runs, and nothing costs, while no scan waits.
    min_vcpus = 0
    max_vcpus = each.value.max_vcpus

    instance_type      = concat([each.value.instance_type], each.value.more_instance_types)
    instance_role      = var.instance_profile_arn
    ec2_key_pair       = var.key_pair
    subnets            = var.subnet_ids
    security_group_ids = [var.security_group_id]

    # Named, because what Batch takes by itself has changed over time, and the launch template counts on this image's root device.
    ec2_configuration {
      image_type = "ECS_AL2023"
    }

    launch_template {
      launch_template_id = aws_launch_template.jobs.id

      # A number, never $Latest: Batch reads $Latest once, and later changes would never arrive.
      version = aws_launch_template.jobs.latest_version
    }
  }

  lifecycle {
    create_before_destroy = true

    # A new version of the template is no update: AWS takes one only from environments with its service-linked role, and the
    # provider trips over a version that it does not know yet ("inconsistent final plan").
    replace_triggered_by = [aws_launch_template.jobs.latest_version]

    # Batch moves it with the load; Terraform would pull it back and end running scans.
    ignore_changes = [compute_resources[0].desired_vcpus]
  }

  # Waits for the roles' policies as well: see the outputs of modules/iam.
}
