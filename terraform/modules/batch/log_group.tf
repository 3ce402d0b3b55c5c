# One group a platform: the lines are patients' data, so they are kept for a limited time and go with the platform.
resource "aws_cloudwatch_log_group" "jobs" {
  name              = var.log_group_name
  retention_in_days = var.log_retention_days
}
