variable "prefix" {
  description = "What every name begins with."
  type        = string
}

variable "platform" {
  description = "Name of the platform, for the commands in the messages."
  type        = string
}

variable "emails" {
  description = "Addresses that get the messages."
  type        = list(string)
}

variable "job_queue_arns" {
  description = "ARNs of the platform's job queues: jobs of other queues cause no message."
  type        = list(string)
}
