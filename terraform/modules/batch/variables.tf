variable "prefix" {
  description = "What every name begins with."
  type        = string
}

variable "log_group_name" {
  description = "Name of the log group of all jobs."
  type        = string
}

variable "tags" {
  description = "Tags of the instances and their disks, which the provider's default_tags do not reach."
  type        = map(string)
}

variable "models" {
  description = "m2g's diffusion models: instance type, further ones, the vCPUs and MiB of one scan and of all that share an instance, and the most vCPUs at once."
  type = map(object({
    instance_type       = string
    more_instance_types = optional(list(string), [])
    vcpus               = number
    memory_mib          = number
    max_vcpus           = number
    instance_vcpus      = optional(number)
    instance_memory_mib = optional(number)
  }))

  validation {
    condition     = alltrue([for model in var.models : model.max_vcpus >= model.vcpus])
    error_message = "max_vcpus of a model must be at least the vcpus of one scan, or its scans stay RUNNABLE for ever."
  }
}

variable "image" {
  description = "Image that the jobs run."
  type        = string
}

variable "spot" {
  description = "Whether the instances are Spot instances."
  type        = bool
}

variable "spot_fallback" {
  description = "Whether each model also has an on-demand environment, for what Spot cannot take."
  type        = bool
}

variable "no_capacity_wait_seconds" {
  description = "Seconds that a scan waits at the queue's head for capacity, 600 to 86400, or null for ever."
  type        = number
}

variable "misfit_wait_seconds" {
  description = "Seconds that a scan which no instance can hold waits at the queue's head, 600 to 86400."
  type        = number
}

variable "attempts" {
  description = "How often a scan is tried, 1 to 10."
  type        = number
}

variable "attempt_timeout_seconds" {
  description = "Seconds after which one attempt is ended, at least 60."
  type        = number
}

variable "root_volume_gib" {
  description = "Size of the root disk in GiB, at least 30."
  type        = number
}

variable "root_volume_throughput" {
  description = "Throughput of the root disk in MiB/s, 125 to 1000, or null for gp3's own."
  type        = number
  default     = null
}

variable "key_pair" {
  description = "Name of an EC2 key pair for the instances, or null."
  type        = string
}

variable "log_retention_days" {
  description = "Days that log lines are kept: one of CloudWatch's values."
  type        = number
}

variable "subnet_ids" {
  description = "IDs of the subnets that instances start in."
  type        = list(string)
}

variable "security_group_id" {
  description = "ID of the instances' security group."
  type        = string
}

variable "service_role_arn" {
  description = "ARN of the role that AWS Batch uses."
  type        = string
}

variable "instance_profile_arn" {
  description = "ARN of the instances' profile."
  type        = string
}

variable "job_role_arn" {
  description = "ARN of the role of every scan's container."
  type        = string
}

variable "kms_key_arn" {
  description = "ARN of the key for disks and log lines, or null for AWS's own."
  type        = string
}
