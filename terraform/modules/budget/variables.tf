variable "prefix" {
  description = "What every name begins with."
  type        = string
}

variable "platform" {
  description = "Name of the platform, the value of the tag opsctl:platform."
  type        = string
}

variable "region" {
  description = "The platform's region."
  type        = string
}

variable "usd" {
  description = "What the platform may cost in a month, in USD."
  type        = number
}

variable "emails" {
  description = "Addresses that get the mail, at most ten."
  type        = list(string)
}
