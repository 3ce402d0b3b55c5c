# The same provider serves AWS and the local platform: it reads the local platform's address from AWS_ENDPOINT_URL.
provider "aws" {
  region            = var.region
  s3_use_path_style = var.path_style

  default_tags {
    tags = merge(var.tags, { "opsctl:platform" = var.name })
  }
}
