# Each output waits for the policies of its role. So a compute environment is created after them and, more importantly,
# destroyed before them: an environment whose role has lost its policy becomes INVALID and can no longer be deleted.

output "service_role_arn" {
  description = "ARN of the role that AWS Batch uses, with its policy attached."
  value       = aws_iam_role.service.arn

  depends_on = [aws_iam_role_policy_attachment.service]
}

output "instance_profile_arn" {
  description = "ARN of the instances' profile, its role's policies attached."
  value       = aws_iam_instance_profile.instance.arn

  depends_on = [aws_iam_role_policy_attachment.instance, aws_iam_role_policy.instance]
}

output "job_role_arn" {
  description = "ARN of the role of every scan's container, its policy attached."
  value       = aws_iam_role.job.arn

  depends_on = [aws_iam_role_policy.job]
}
