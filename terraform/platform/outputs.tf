output "record" {
  description = "What opsctl knows of this platform; the same JSON lies in the SSM parameter /opsctl/<name>/platform."
  value       = local.record

  # The record is an output only once it can also be read from SSM.
  depends_on = [aws_ssm_parameter.record]

  # Instances may pull only from this platform's repository. Refuse other images now, not with CannotPullContainer after the first
  # instance has been paid for.
  precondition {
    condition = (
      startswith(var.image, "${var.repository_url}:") ||
      startswith(var.image, "${var.repository_url}@") ||
      !can(regex("^[0-9]{12}\\.dkr\\.ecr\\.", var.image))
    )
    error_message = "image lies in a private ECR repository that is not this platform's: push it to ${var.repository_url} first."
  }

  precondition {
    condition     = var.spot || !var.spot_fallback
    error_message = "spot_fallback needs spot: on-demand instances have nothing to fall back to."
  }

  precondition {
    condition     = (var.vpc_id == null) == (length(var.subnet_ids) == 0)
    error_message = "vpc_id and subnet_ids belong together: name an existing VPC and some of its subnets, or neither."
  }

  precondition {
    condition     = var.vpc_id == null || var.zones == null
    error_message = "zones are those of the platform's own network: with vpc_id, the subnets decide."
  }

  precondition {
    condition     = var.monthly_budget == null || (length(var.notify_emails) > 0 && length(var.notify_emails) <= 10)
    error_message = "monthly_budget needs one to ten addresses in notify_emails: AWS Budgets sends its mail to at most ten."
  }
}
