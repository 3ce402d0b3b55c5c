variable "prefix" {
  description = "What every name begins with."
  type        = string
}

variable "cidr" {
  description = "IPv4 range of the VPC; each zone's subnet is an eighth of it."
  type        = string
}

variable "zones" {
  description = "Names of the zones to use, or null for every one that has the types."
  type        = list(string)
}

variable "instance_types" {
  description = "Instance types that every subnet's zone must have."
  type        = list(string)
}

variable "more_instance_types" {
  description = "Further instance types, each of which one of the zones at least must have."
  type        = list(string)
}
