variable "name" {
  description = "Name of the platform; every resource is called opsctl-<name>…, after name_prefix."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,19}$", var.name))
    error_message = "name must have 2 to 20 characters, only a-z, 0-9 and hyphens, and begin with a letter."
  }

  # ECR refuses such a repository name, but only after half of the storage has been created.
  validation {
    condition     = !endswith(var.name, "-") && !strcontains(var.name, "--")
    error_message = "name must not end with a hyphen, nor hold two hyphens in a row."
  }
}

variable "region" {
  description = "AWS region, for example us-east-1."
  type        = string

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]{1,2}$", var.region))
    error_message = "region must be the code of an AWS region, such as us-east-1 or eu-central-1 (not a zone such as us-east-1a)."
  }
}

variable "path_style" {
  description = "Address buckets as ENDPOINT/BUCKET instead of BUCKET.ENDPOINT: true for endpoints that are not AWS's."
  type        = bool
  default     = false
}

variable "tags" {
  description = "Further tags for everything that takes tags. They are visible to the whole account: never a subject's label."
  type        = map(string)
  default     = {}

  validation {
    condition = alltrue([
      for key, value in var.tags : can(regex("^[\\p{L}\\p{Z}\\p{N}_.:/=+@-]{1,128}$", key)) && can(regex("^[\\p{L}\\p{Z}\\p{N}_.:/=+@-]{0,256}$", value))
    ])
    error_message = "tags may hold letters, digits, blanks and _ . : / = + - @; a key 1 to 128 characters, a value at most 256."
  }

  validation {
    condition     = alltrue([for key in keys(var.tags) : !startswith(lower(key), "aws:") && !startswith(lower(key), "opsctl:")])
    error_message = "tags must not begin with aws: (reserved by AWS) or opsctl: (how opsctl finds what it made)."
  }

  # AWS allows 50 tags on a resource; opsctl adds its own and a Name.
  validation {
    condition     = length(var.tags) <= 40
    error_message = "tags may have at most 40 entries."
  }
}

variable "data_bucket" {
  description = "An existing bucket for datasets and results, which is only looked up and never changed. Null: one is made here, <name_prefix>opsctl-<name>-<account>-<region>."
  type        = string
  default     = null

  validation {
    condition     = var.data_bucket == null || can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.data_bucket))
    error_message = "data_bucket must be the name of a bucket (3 to 63 characters: a-z, 0-9, dots, hyphens), without s3:// and without a path."
  }
}

variable "unfinished_upload_days" {
  description = "Days after which S3 deletes the parts of an upload that broke off, in a bucket made here. 0: it keeps them, and charges for them."
  type        = number
  default     = 7

  validation {
    condition     = var.unfinished_upload_days >= 0 && floor(var.unfinished_upload_days) == var.unfinished_upload_days
    error_message = "unfinished_upload_days must be a whole number: 0 for no rule, or the days."
  }
}

variable "noncurrent_days" {
  description = "Days after which S3 deletes versions that were replaced or deleted, in a bucket made here. Null: it keeps them for ever."
  type        = number
  default     = null

  validation {
    condition     = var.noncurrent_days == null ? true : var.noncurrent_days >= 1 && floor(var.noncurrent_days) == var.noncurrent_days
    error_message = "noncurrent_days must be a whole number of at least 1, or null to keep every version."
  }
}

variable "kms_key_arn" {
  description = "ARN of a KMS key of this region for what is written from now on to a bucket made here, and for a repository made with it: a repository never changes its key. Null: AWS's own keys."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null || can(regex("^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$", var.kms_key_arn))
    error_message = "kms_key_arn must be the ARN of a key, not an alias: arn:aws:kms:REGION:ACCOUNT:key/ID, or null for AWS's own keys."
  }
}

variable "name_prefix" {
  description = "What every name begins with, before opsctl-, for example lab-. The log group and the record keep their names. It cannot be changed later."
  type        = string
  default     = ""

  # All of buckets, repositories, roles and Batch take such names.
  validation {
    condition     = var.name_prefix == "" || can(regex("^[a-z][a-z0-9]*(-[a-z0-9]+)*-$", var.name_prefix))
    error_message = "name_prefix must hold only a-z, 0-9 and single hyphens, begin with a letter and end with a hyphen, such as lab-."
  }
}
