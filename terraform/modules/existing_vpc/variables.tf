variable "prefix" {
  description = "What every name begins with."
  type        = string
}

variable "vpc_id" {
  description = "ID of the VPC."
  type        = string
}

variable "subnet_ids" {
  description = "IDs of the subnets that instances start in."
  type        = list(string)
}
