variable "prefix" {
  description = "What every name begins with; at most 50 characters, because a role's name has at most 64."
  type        = string

  validation {
    condition     = length(var.prefix) <= 50
    error_message = "prefix must have at most 50 characters."
  }
}

variable "data_bucket" {
  description = "Name of the bucket that jobs read, and write outputs and records to."
  type        = string
}

variable "source_buckets" {
  description = "Names of further buckets that jobs only read."
  type        = list(string)
}

variable "repository_arn" {
  description = "ARN of the only image repository that instances pull from."
  type        = string
}

variable "log_group_name" {
  description = "Name of the only log group that instances write to."
  type        = string
}

variable "environment_prefix" {
  description = "What the names of the compute environments begin with that may use Batch's role."
  type        = string
}

variable "models" {
  description = "Names of m2g's models: each has compute environments, whose clusters the instances may join."
  type        = list(string)
}
