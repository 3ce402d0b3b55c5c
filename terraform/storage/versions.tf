# What is applied needs no more than 1.5; the tests beside it need 1.7 (../versions.tf).
terraform {
  required_version = ">= 1.5"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }
}
