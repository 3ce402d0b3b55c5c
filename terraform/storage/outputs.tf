output "data_bucket" {
  description = "Name of the bucket that holds datasets, derivatives and the records of runs."
  value       = local.make_bucket ? aws_s3_bucket.data[0].id : data.aws_s3_bucket.existing[0].id
}

output "repository_url" {
  description = "Where the jobs' image is pushed to and pulled from, without a tag."
  value       = aws_ecr_repository.jobs.repository_url
}

output "repository_arn" {
  description = "ARN of the image repository."
  value       = aws_ecr_repository.jobs.arn
}

output "kms_key_arn" {
  description = "ARN of the key of bucket and repository; null: AWS's own keys."
  value       = var.kms_key_arn
}

output "tags" {
  description = "Further tags of bucket and repository; null: none."
  value       = length(var.tags) > 0 ? var.tags : null
}
