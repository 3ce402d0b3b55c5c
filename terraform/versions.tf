# Makes nothing and is never applied: `terraform test` (tests/) starts from a folder that holds configuration.
terraform {
  # mock_provider came with 1.7. The roots themselves need 1.5.
  required_version = ">= 1.7"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }
}
