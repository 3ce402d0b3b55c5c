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
  description = "Name of the bucket that holds datasets and takes derivatives and records (storage's output data_bucket)."
  type        = string
  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.data_bucket))
    error_message = "data_bucket must be the name of a bucket (3 to 63 characters: a-z, 0-9, dots, hyphens), without s3:// and without a path."
  }
}

variable "repository_arn" {
  description = "ARN of the image repository (storage's output repository_arn): the only one that instances may pull from."
  type        = string
  validation {
    condition     = can(regex("^arn:aws[a-z-]*:ecr:[a-z0-9-]+:[0-9]{12}:repository/.+$", var.repository_arn))
    error_message = "repository_arn must be the ARN of an ECR repository: arn:aws:ecr:REGION:ACCOUNT:repository/NAME."
  }
}

variable "repository_url" {
  description = "URL of the image repository without a tag (storage's output repository_url)."
  type        = string
  validation {
    condition     = can(regex("^[^[:space:]:]+(:[0-9]+)?/[^[:space:]:@]+$", var.repository_url))
    error_message = "repository_url must be HOST/NAME, without https:// and without a tag."
  }
}

variable "image" {
  description = "Image that the jobs run, with a tag or a digest. An image on a private ECR must lie in repository_url."
  type        = string
  validation {
    condition     = can(regex("^[A-Za-z0-9][A-Za-z0-9._/:@-]{0,254}$", var.image))
    error_message = "image must be an image reference of 1 to 255 characters, such as ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME:TAG, without blanks."
  }
}

variable "m2g_image" {
  description = "m2g's own image, on which image is built: its digest. null: unknown, and image itself stands for it."
  type        = string
  default     = null
  validation {
    condition     = var.m2g_image == null || can(regex("^[A-Za-z0-9][A-Za-z0-9._/:@-]{0,254}$", var.m2g_image))
    error_message = "m2g_image must be a digest (sha256:...) or an image reference of 1 to 255 characters, without blanks."
  }
}

variable "source_buckets" {
  description = "Names of further buckets whose datasets the jobs may read. They are never written to."
  type        = list(string)
  default     = []
  validation {
    condition     = alltrue([for bucket in var.source_buckets : can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", bucket))])
    error_message = "source_buckets must be names of buckets (3 to 63 characters: a-z, 0-9, dots, hyphens), without s3:// and without a path."
  }
}

variable "spot" {
  description = "Run on Spot instances: about a third of the price, and a job that is reclaimed is tried again."
  type        = bool
  default     = false
}

variable "csd_max_vcpus" {
  description = "Most vCPUs that csd scans may use at once; a scan takes 2."
  type        = number
  default     = 512
  validation {
    condition     = var.csd_max_vcpus >= 2 && floor(var.csd_max_vcpus) == var.csd_max_vcpus
    error_message = "csd_max_vcpus must be a whole number of at least 2: with less, no csd scan ever starts."
  }
}

variable "csa_max_vcpus" {
  description = "Most vCPUs that csa scans may use at once; a scan takes 4."
  type        = number
  default     = 1024
  validation {
    condition     = var.csa_max_vcpus >= 4 && floor(var.csa_max_vcpus) == var.csa_max_vcpus
    error_message = "csa_max_vcpus must be a whole number of at least 4: with less, no csa scan ever starts."
  }
}

variable "more_instance_families" {
  description = "Further families whose .large (csd) and .xlarge (csa) may run scans beside r5's, for example [\"r5a\", \"r6i\"]: more pools to find capacity in. A change replaces the compute environments."
  type        = list(string)
  default     = []

  # Families with other first letters have another shape than a scan needs, and g is ARM, which m2g's image does not support.
  validation {
    condition     = alltrue([for family in var.more_instance_families : can(regex("^r[5-9][a-fh-z]*$", family)) && family != "r5"]) && length(distinct(var.more_instance_families)) == length(var.more_instance_families)
    error_message = "more_instance_families must be families of memory-optimised x86 instances beside r5, each once, such as r5a, r5n, r6i, r6a or r7i."
  }
}

variable "more_instance_sizes" {
  description = "Larger sizes on which scans may run beside r5.large (csd) and r5.xlarge (csa), of r5 and of more_instance_families, for example [\"4xlarge\"]: Batch puts as many scans on one as fit. For runs of many scans; a change replaces the compute environments."
  type        = list(string)
  default     = []
  validation {
    condition     = alltrue([for size in var.more_instance_sizes : contains(["xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge", "24xlarge"], size)]) && length(distinct(var.more_instance_sizes)) == length(var.more_instance_sizes)
    error_message = "more_instance_sizes must be sizes of r5, each once: xlarge, 2xlarge, 4xlarge, 8xlarge, 12xlarge, 16xlarge or 24xlarge."
  }
}

variable "csd_scans_per_instance" {
  description = "How many csd scans share an r5.large, each with its share of the memory (`up --pack`)."
  type        = number
  default     = 1
  validation {
    condition     = contains([1, 2], var.csd_scans_per_instance)
    error_message = "csd_scans_per_instance must be 1 or 2: an r5.large has 2 vCPUs, and each scan needs one."
  }
}

variable "csa_scans_per_instance" {
  description = "How many csa scans share an r5.xlarge, each with its share of the memory (`up --pack`)."
  type        = number
  default     = 1
  validation {
    condition     = contains([1, 2, 3, 4], var.csa_scans_per_instance)
    error_message = "csa_scans_per_instance must be 1, 2, 3 or 4: an r5.xlarge has 4 vCPUs, and each scan needs one."
  }
}

variable "spot_fallback" {
  description = "With spot: a second, on-demand environment for each model. It takes the scans that Spot has no capacity for or that are more than max_vcpus, at the full price, up to max_vcpus of its own."
  type        = bool
  default     = false
}

variable "zones" {
  description = "Availability zones to use, for example [\"us-east-1a\", \"us-east-1b\"]; null: every one that has the instance types. A change replaces the compute environments."
  type        = list(string)
  default     = null
  validation {
    condition     = var.zones == null ? true : length(var.zones) > 0 && alltrue([for zone in var.zones : can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]{1,2}[a-z]$", zone))]) && length(distinct(var.zones)) == length(var.zones)
    error_message = "zones must be names of availability zones, each once, such as us-east-1a, or null for all."
  }
}

variable "no_capacity_wait_seconds" {
  description = "Seconds that the scan at a queue's head waits while AWS has no instances to give, before Batch cancels it; null: for ever."
  type        = number
  default     = 86400
  validation {
    condition     = var.no_capacity_wait_seconds == null ? true : var.no_capacity_wait_seconds >= 600 && var.no_capacity_wait_seconds <= 86400 && floor(var.no_capacity_wait_seconds) == var.no_capacity_wait_seconds
    error_message = "no_capacity_wait_seconds must be a whole number from 600 to 86400 (10 minutes to 24 hours, Batch's limits), or null for ever."
  }
}

variable "misfit_wait_seconds" {
  description = "Seconds that the scan at a queue's head waits when no instance could ever hold it, before Batch cancels it."
  type        = number
  default     = 1800

  # There is always at least one limit: the provider cannot remove the last one from a queue (it never sends an empty list).
  nullable = false
  validation {
    condition     = var.misfit_wait_seconds >= 600 && var.misfit_wait_seconds <= 86400 && floor(var.misfit_wait_seconds) == var.misfit_wait_seconds
    error_message = "misfit_wait_seconds must be a whole number from 600 to 86400 (10 minutes to 24 hours, Batch's limits)."
  }
}

variable "root_volume_gib" {
  description = "Size of each instance's root disk in GiB; it holds the system, m2g's image and the scans. null: 100, and where several scans share it at least 40 GiB and 10 GiB for each. `opsctl size` proposes a number by what was measured. A change replaces the compute environments."
  type        = number
  default     = null

  # EC2 launches no instance with a disk smaller than the image's snapshot, and Batch reports it only as an INVALID environment.
  validation {
    condition     = var.root_volume_gib == null ? true : var.root_volume_gib >= 30 && var.root_volume_gib <= 16384 && floor(var.root_volume_gib) == var.root_volume_gib
    error_message = "root_volume_gib must be a whole number from 30 (the size of the ECS image) to 16384 (the most of gp3), or null."
  }
}

variable "root_volume_throughput" {
  description = "Throughput of each instance's root disk in MiB/s; null: gp3's own 125, which all scans of an instance share. AWS charges for more. A change replaces the compute environments."
  type        = number
  default     = null
  validation {
    condition     = var.root_volume_throughput == null ? true : var.root_volume_throughput >= 125 && var.root_volume_throughput <= 1000 && floor(var.root_volume_throughput) == var.root_volume_throughput
    error_message = "root_volume_throughput must be a whole number from 125 to 1000 (gp3's limits in MiB/s), or null."
  }
}

variable "key_pair" {
  description = "Name of an EC2 key pair to put on the instances. The security group admits nothing, so SSH needs a rule of your own as well."
  type        = string
  default     = null
  validation {
    condition     = var.key_pair == null || can(regex("^[ -~]{1,255}$", var.key_pair))
    error_message = "key_pair must be the name of a key pair: 1 to 255 ASCII characters, or null for none."
  }
}

variable "log_retention_days" {
  description = "Days that CloudWatch keeps the jobs' log lines. They are patients' data: no longer than needed."
  type        = number
  default     = 30
  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "log_retention_days must be one of 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653."
  }
}

variable "attempt_timeout_seconds" {
  description = "Seconds after which Batch ends one attempt of a scan. m2g takes one to two hours."
  type        = number
  default     = 21600

  # AWS itself may end a job after 14 days.
  validation {
    condition     = var.attempt_timeout_seconds >= 60 && var.attempt_timeout_seconds <= 1209600 && floor(var.attempt_timeout_seconds) == var.attempt_timeout_seconds
    error_message = "attempt_timeout_seconds must be a whole number from 60 (the least Batch takes) to 1209600 (14 days)."
  }
}

variable "attempts" {
  description = "How often a scan is tried when its instance is lost, its container cannot be started or S3 does not answer. A failure of m2g itself is never repeated."
  type        = number
  default     = 5
  validation {
    condition     = contains(range(1, 11), var.attempts)
    error_message = "attempts must be a whole number from 1 to 10."
  }
}

variable "vpc_cidr" {
  description = "IPv4 range of the platform's own network. Nothing else reaches it, so it may equal another network's."
  type        = string
  default     = "10.0.0.0/16"

  # It is cut into eight subnets. At /20 each still has 507 addresses, and an instance needs one.
  validation {
    condition     = can(regex("/(16|17|18|19|20)$", var.vpc_cidr)) && try(cidrsubnet(var.vpc_cidr, 0, 0) == var.vpc_cidr, false) && !strcontains(var.vpc_cidr, ":")
    error_message = "vpc_cidr must be an IPv4 range from /16 to /20 that begins at its own first address, such as 10.0.0.0/16."
  }
}

variable "opsctl_version" {
  description = "Version of opsctl that applies this, kept in the record."
  type        = string
  validation {
    condition     = can(regex("^[0-9]+(\\.[0-9]+)*[A-Za-z0-9.+!-]*$", var.opsctl_version))
    error_message = "opsctl_version must be a version such as 0.1.0."
  }
}

variable "options" {
  description = "Options of `opsctl up` that differ from its defaults (JSON object), kept in the record for the next `up`."
  type        = string
  default     = "{}"

  # The parameter holds at most 4096 characters, and the rest of the record needs room too.
  validation {
    condition     = can(keys(jsondecode(var.options))) && length(var.options) <= 1200
    error_message = "options must be a JSON object of at most 1200 characters."
  }
}

variable "vpc_id" {
  description = "ID of an existing VPC that is used as it is; null: the platform makes its own. A change replaces the compute environments."
  type        = string
  default     = null
  validation {
    condition     = var.vpc_id == null || can(regex("^vpc-[0-9a-f]{8,17}$", var.vpc_id))
    error_message = "vpc_id must be the ID of a VPC, such as vpc-0123456789abcdef0, or null."
  }
}

variable "subnet_ids" {
  description = "IDs of the subnets of vpc_id in which instances start: with a way to S3, ECR, ECS and CloudWatch Logs. A change replaces the compute environments."
  type        = list(string)
  default     = []

  # AWS Batch takes at most 16.
  validation {
    condition     = alltrue([for subnet in var.subnet_ids : can(regex("^subnet-[0-9a-f]{8,17}$", subnet))]) && length(distinct(var.subnet_ids)) == length(var.subnet_ids) && length(var.subnet_ids) <= 16
    error_message = "subnet_ids must be IDs of subnets, each once, at most 16, such as subnet-0123456789abcdef0."
  }
}

variable "kms_key_arn" {
  description = "ARN of a KMS key of this region for the instances' disks and the log lines, which jobs may also use to read and write the data bucket; null: AWS's own keys. A change replaces the compute environments."
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

variable "role_path" {
  description = "IAM path of the roles and the instance profile, for example /lab/. It cannot be changed while the platform is up."
  type        = string
  default     = "/"
  validation {
    condition     = can(regex("^/([A-Za-z0-9+=,.@_-]+/)*$", var.role_path)) && length(var.role_path) <= 128
    error_message = "role_path must begin and end with a slash, such as /lab/, and have at most 128 letters, digits and + = , . @ _ -."
  }
}

variable "permissions_boundary" {
  description = "ARN of an IAM policy that bounds what the three roles may do; null: none."
  type        = string
  default     = null
  validation {
    condition     = var.permissions_boundary == null || can(regex("^arn:aws[a-z-]*:iam::([0-9]{12}|aws):policy/.+$", var.permissions_boundary))
    error_message = "permissions_boundary must be the ARN of a managed policy, such as arn:aws:iam::ACCOUNT:policy/NAME, or null."
  }
}

variable "notify_emails" {
  description = "Addresses that get a mail when a job of a run ends, and when a job queue is blocked. Each must confirm once, by the link in a mail of AWS's."
  type        = list(string)
  default     = []
  validation {
    condition     = alltrue([for email in var.notify_emails : can(regex("^[^[:space:]@,;<>\"]+@[^[:space:]@,;<>\"]+\\.[^[:space:]@,;<>\"]+$", email)) && length(email) <= 254]) && length(distinct(var.notify_emails)) == length(var.notify_emails)
    error_message = "notify_emails must be mail addresses, each once, such as someone@lab.org."
  }
}

variable "monthly_budget" {
  description = "USD a month, of which AWS Budgets sends mail to notify_emails at 80 % and 100 %, and when it expects more than 100 %; null: none. It counts what carries the tag opsctl:platform, once that is an active cost allocation tag, and stops nothing."
  type        = number
  default     = null
  validation {
    condition     = var.monthly_budget == null || coalesce(var.monthly_budget, 0) > 0 && coalesce(var.monthly_budget, 0) <= 1000000000
    error_message = "monthly_budget must be an amount of USD above 0, or null for none."
  }
}
