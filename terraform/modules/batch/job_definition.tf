resource "aws_batch_job_definition" "model" {
  for_each = var.models

  name                  = "${var.prefix}-${each.key}"
  type                  = "container"
  platform_capabilities = ["EC2"]

  # Allows costs to be split by task. The tags name the platform, never a subject.
  propagate_tags = true

  # A change registers a new revision. The one before stays ACTIVE until `opsctl up` deregisters it, after the record names the
  # new one (opsctl/commands/platform/orphans.py): whoever is killed in between leaves a record that jobs can be submitted with.
  deregister_on_new_revision = false

  container_properties = jsonencode({
    image      = var.image
    jobRoleArn = var.job_role_arn
    privileged = false

    # Neither user nor readonlyRootFilesystem: m2g writes to / and /root and rewrites files of its image, which only root may
    # do (docs/image.md lists the paths). A container ends with its job, and its disk with the instance. The local platform
    # starts its containers in the same way (opsctl/local/jobs/container.py).

    resourceRequirements = [
      { type = "VCPU", value = tostring(each.value.vcpus) },
      { type = "MEMORY", value = tostring(each.value.memory_mib) },
    ]

    environment = [
      { name = "AWS_DEFAULT_REGION", value = data.aws_region.current.name },
    ]

    # The stream's name is <model>/default/<task id>, without a subject's label.
    logConfiguration = {
      logDriver = "awslogs"
      options = {
        "awslogs-group"         = aws_cloudwatch_log_group.jobs.name
        "awslogs-region"        = data.aws_region.current.name
        "awslogs-stream-prefix" = each.key
      }
    }
  })

  # The first match wins, and no match would mean RETRY. Only transient faults are worth a second attempt.
  #
  # Actions in lower case, as Batch returns them: with others the provider believes that the rules change in every plan, looks
  # no further, and calls the revision unchanged when only the timeout changes ("inconsistent final plan").
  # https://github.com/hashicorp/terraform-provider-aws/issues/39443
  #
  # Change the rules, but not their number: then the provider deregisters every revision before it registers the new one.
  retry_strategy {
    attempts = var.attempts

    # Spot reclaimed the instance, or its hardware failed.
    evaluate_on_exit {
      action           = "retry"
      on_status_reason = "Host EC2*"
    }

    # A registry's pull limit, or a network that was not ready yet.
    evaluate_on_exit {
      action    = "retry"
      on_reason = "CannotPullContainer*"
    }

    # EX_TEMPFAIL: the job runner's exit code for a transient fault of S3 or the network.
    evaluate_on_exit {
      action       = "retry"
      on_exit_code = "75"
    }

    evaluate_on_exit {
      action    = "exit"
      on_reason = "*"
    }
  }

  timeout {
    attempt_duration_seconds = var.attempt_timeout_seconds
  }
}
