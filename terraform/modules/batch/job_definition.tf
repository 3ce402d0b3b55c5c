resource "aws_batch_job_definition" "model" {
  for_each = var.models

  name                  = "${var.prefix}-${each.key}"
  type                  = "container"
  platform_capabilities = ["EC2"]

  # Lets costs be told apart by task. The tags name the platform, never a subject.
  propagate_tags = true

  container_properties = jsonencode({
    image      = var.image
    jobRoleArn = var.job_role_arn
    privileged = false

    # No readonlyRootFilesystem: what m2g and the programs below it write outside /input and /output (its home, for atlases and
    # caches) is known to nobody beforehand. A container and its disk go with the job and the instance.

    resourceRequirements = [
      { type = "VCPU", value = tostring(each.value.vcpus) },
      { type = "MEMORY", value = tostring(each.value.memory_mib) },
    ]

    environment = [
      { name = "AWS_DEFAULT_REGION", value = data.aws_region.current.name },
    ]

    # A stream is then called <model>/default/<task id>: no subject's label in it.
    logConfiguration = {
      logDriver = "awslogs"
      options = {
        "awslogs-group"         = aws_cloudwatch_log_group.jobs.name
        "awslogs-region"        = data.aws_region.current.name
        "awslogs-stream-prefix" = each.key
      }
    }
  })

  # The first match wins, and no match would mean RETRY: only what passes by itself is paid for twice.
  retry_strategy {
    attempts = var.attempts

    # Spot took the instance back, or its hardware failed.
    evaluate_on_exit {
      action           = "RETRY"
      on_status_reason = "Host EC2*"
    }

    # A registry's limit, or a network that was not up yet.
    evaluate_on_exit {
      action    = "RETRY"
      on_reason = "CannotPullContainer*"
    }

    # EX_TEMPFAIL, the runner's word for a passing fault of S3 or the network.
    evaluate_on_exit {
      action       = "RETRY"
      on_exit_code = "75"
    }

    evaluate_on_exit {
      action    = "EXIT"
      on_reason = "*"
    }
  }

  timeout {
    attempt_duration_seconds = var.attempt_timeout_seconds
  }
}
