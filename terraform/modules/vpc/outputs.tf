output "subnet_ids" {
  description = "IDs of the public subnets, one a zone."
  value       = [for zone in local.zones : aws_subnet.public[zone].id]

  # An instance that starts before its subnet has a route to the internet never registers with ECS.
  depends_on = [aws_route_table_association.public, aws_vpc_endpoint.s3]
}

output "security_group_id" {
  description = "ID of the security group that admits nothing and lets HTTPS out."
  value       = aws_security_group.jobs.id
}
