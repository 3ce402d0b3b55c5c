# The jobs' image is in the lab's own registry: Docker Hub refuses anonymous pulls when 200 instances start at once.
#
# No rule deletes images, not even untagged ones: results name their image by its digest, and `opsctl image archive` keeps a
# copy of the base here. There is no repository policy: the account's roles are allowed by their own policies, and nobody
# else is.
resource "aws_ecr_repository" "jobs" {
  name = local.prefix

  # With a tag that can move, two runs whose records name the same image could use different programs.
  image_tag_mutability = "IMMUTABLE"

  image_scanning_configuration {
    scan_on_push = true
  }

  # ECR's own keys by default: the image holds programs, no patients' data.
  encryption_configuration {
    encryption_type = var.kms_key_arn == null ? "AES256" : "KMS"
    kms_key         = var.kms_key_arn
  }

  lifecycle {
    # ECR cannot change the key of a repository. Terraform would replace it, and with it the images that results name.
    ignore_changes = [encryption_configuration]
  }
}
