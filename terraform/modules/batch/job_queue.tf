# One queue for each model, so that csd scans never wait behind csa scans.
resource "aws_batch_job_queue" "model" {
  for_each = var.models

  name     = "${var.prefix}-${each.key}"
  state    = "ENABLED"
  priority = 1

  compute_environment_order {
    order               = 1
    compute_environment = aws_batch_compute_environment.model[each.key].arn
  }

  # Batch uses the second environment if the first has no capacity, is INVALID or has reached its max_vcpus.
  dynamic "compute_environment_order" {
    for_each = local.has_fallback ? ["${each.key}-on-demand"] : []

    content {
      order               = 2
      compute_environment = aws_batch_compute_environment.model[compute_environment_order.value].arn
    }
  }

  dynamic "job_state_time_limit_action" {
    for_each = local.time_limits

    content {
      state            = "RUNNABLE"
      reason           = job_state_time_limit_action.value.reason
      max_time_seconds = job_state_time_limit_action.value.seconds
      action           = "CANCEL"
    }
  }
}

locals {
  # The limits apply to the job at the head of the queue. Batch cancels it and states the reason. It supports only these three
  # reasons.
  time_limits = [
    for limit in [
      { reason = "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY", seconds = var.no_capacity_wait_seconds },
      { reason = "MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE", seconds = var.misfit_wait_seconds },
      { reason = "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT", seconds = var.misfit_wait_seconds },
    ] : limit if limit.seconds != null
  ]
}
