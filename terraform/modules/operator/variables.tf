variable "name" {
  description = "Name of the platform."
  type        = string
}

variable "data_bucket" {
  description = "Name of the data bucket."
  type        = string
}

variable "source_buckets" {
  description = "Names of further buckets whose datasets are only read."
  type        = list(string)
}

variable "models" {
  description = "m2g's diffusion models: each has a queue, a job definition and a compute environment."
  type        = list(string)
}
