output "record" {
  description = "What opsctl knows of this platform; the same JSON lies in the SSM parameter /opsctl/<name>/platform."
  value       = local.record

  # Not before it can be read from SSM as well.
  depends_on = [aws_ssm_parameter.record]

  # Instances may pull from this platform's repository only. Said now, not as CannotPullContainer after the first paid instance.
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
}
