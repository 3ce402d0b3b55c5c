# One provider for AWS and for the local platform: the local one is found through AWS_ENDPOINT_URL, which the provider reads by itself.
provider "aws" {
  region            = var.region
  s3_use_path_style = var.path_style

  default_tags {
    tags = merge(var.tags, { "opsctl:platform" = var.name })
  }
}
