output "models" {
  description = "Per model: the ARNs to submit to and the size of a scan, as the platform's record has them."
  value = {
    for model, size in var.models : model => {
      job_queue           = aws_batch_job_queue.model[model].arn
      compute_environment = aws_batch_compute_environment.model[model].arn
      job_definition      = aws_batch_job_definition.model[model].arn
      instance_type       = size.instance_type
      more_instance_types = size.more_instance_types
      vcpus               = size.vcpus
      memory_mib          = size.memory_mib
      max_vcpus           = size.max_vcpus
      instance_vcpus      = size.instance_vcpus
      instance_memory_mib = size.instance_memory_mib
    }
  }
}

output "log_group" {
  description = "Name of the log group of all jobs."
  value       = aws_cloudwatch_log_group.jobs.name
}
