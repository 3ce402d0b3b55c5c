locals {
  has_fallback = var.spot && var.spot_fallback

  environments = merge(
    { for name, model in var.models : name => merge(model, { name = name, spot = var.spot }) },
    { for name, model in var.models : "${name}-on-demand" => merge(model, { name = name, spot = false }) if local.has_fallback },
  )
}

resource "aws_batch_compute_environment" "model" {
  for_each = local.environments

  # A prefix, because an environment that a queue uses cannot be deleted: first the new one is created, then the queue moves to
  # it, then the old one is deleted.
  compute_environment_name_prefix = "${var.prefix}-${each.value.name}-"

  type         = "MANAGED"
  state        = "ENABLED"
  service_role = var.service_role_arn

  # No tags here: changing one would replace the environment. The launch template tags instances and disks.
  compute_resources {
    type = each.value.spot ? "SPOT" : "EC2"

    # Neither strategy needs a Spot fleet role. BEST_FIT needs one, and waits for one type even if others are available.
    allocation_strategy = each.value.spot ? "SPOT_PRICE_CAPACITY_OPTIMIZED" : "BEST_FIT_PROGRESSIVE"

    # No instance runs, and none costs anything, while no scan waits.
    min_vcpus = 0
    max_vcpus = each.value.max_vcpus

    instance_type      = concat([each.value.instance_type], each.value.more_instance_types)
    instance_role      = var.instance_profile_arn
    ec2_key_pair       = var.key_pair
    subnets            = var.subnet_ids
    security_group_ids = [var.security_group_id]

    # Set explicitly: Batch's default has changed over time, and the launch template names this image's root device.
    ec2_configuration {
      image_type = "ECS_AL2023"
    }

    launch_template {
      launch_template_id = aws_launch_template.jobs.id

      # A number, never $Latest: Batch resolves $Latest only once, so later versions would never be used.
      version = aws_launch_template.jobs.latest_version
    }
  }

  lifecycle {
    create_before_destroy = true

    # A new version of the template must replace the environment: AWS updates the version only in environments with its
    # service-linked role, and the provider fails on a version that is not known yet ("inconsistent final plan").
    replace_triggered_by = [aws_launch_template.jobs.latest_version]

    # Batch changes it with the load. Terraform would set it back, and that ends running scans.
    ignore_changes = [compute_resources[0].desired_vcpus]
  }

  # It also waits for the roles' policies: see the outputs of modules/iam.
}
