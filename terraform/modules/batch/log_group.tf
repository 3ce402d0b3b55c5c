# One group for each platform. Log lines are patients' data: they are kept for a limited time and deleted with the platform.
resource "aws_cloudwatch_log_group" "jobs" {
  #checkov:skip=CKV_AWS_338:The lines are patients' data: no longer than needed. log_retention_days takes up to ten years.
  name              = var.log_group_name
  retention_in_days = var.log_retention_days

  # By default keys of CloudWatch's own: a key of the lab's costs money and can be lost.
  kms_key_id = var.kms_key_arn
}
