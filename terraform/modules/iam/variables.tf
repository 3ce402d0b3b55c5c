variable "prefix" {
  description = "What every name begins with; at most 55 characters, because a role's name has at most 64."
  type        = string

  validation {
    condition     = length(var.prefix) <= 55
    error_message = "${var.prefix} has ${length(var.prefix)} characters, and the names of roles begin with it: at most 55, so choose a shorter name or name_prefix."
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

variable "path" {
  description = "IAM path of the roles and the instance profile."
  type        = string
}

variable "permissions_boundary" {
  description = "ARN of the policy that bounds the roles, or null."
  type        = string
}

variable "kms_key_arn" {
  description = "ARN of the key that the data bucket is encrypted with, or null."
  type        = string
}
