variable "prefix" {
  description = "What every name begins with."
  type        = string
}

variable "cidr" {
  description = "IPv4 range of the VPC; each zone's subnet is an eighth of it."
  type        = string
}

variable "instance_types" {
  description = "Instance types that every subnet's zone must have."
  type        = list(string)
}
