variable "name" {
  description = "Name of the platform."
  type        = string
}

variable "region" {
  description = "AWS region of the platform."
  type        = string
}

variable "data_bucket" {
  description = "Name of the data bucket."
  type        = string
}

variable "repository_url" {
  description = "URL of the image repository, without a tag."
  type        = string
}

variable "image" {
  description = "Image that the jobs run."
  type        = string
}

variable "log_group" {
  description = "Name of the log group of all jobs."
  type        = string
}

variable "spot" {
  description = "Whether the instances are Spot instances."
  type        = bool
}

variable "spot_fallback" {
  description = "Whether scans may also run on demand where Spot has no capacity."
  type        = bool
}

variable "root_volume_gib" {
  description = "Size of the root disk in GiB."
  type        = number
}

variable "opsctl_version" {
  description = "Version of opsctl that applied the platform."
  type        = string
}

variable "models" {
  description = "Per model: the ARNs to submit to and the size of a scan."
  type = map(object({
    job_queue           = string
    compute_environment = string
    job_definition      = string
    instance_type       = string
    more_instance_types = optional(list(string), [])
    vcpus               = number
    memory_mib          = number
    max_vcpus           = number
  }))
}

variable "options" {
  description = "Options of `opsctl up` that differ from its defaults (JSON object), so that the next one keeps them."
  type        = string
  default     = "{}"
}
