output "subnet_ids" {
  description = "IDs of the subnets that instances start in."
  value       = var.subnet_ids
}

output "security_group_id" {
  description = "ID of the security group that admits nothing and lets HTTPS and DNS out."
  value       = aws_security_group.jobs.id
}
