output "record" {
  description = "The platform's record."
  value       = local.record

  # Not before it can be read from SSM as well.
  depends_on = [aws_ssm_parameter.record]
}
