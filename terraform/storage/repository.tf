# The jobs' image lies in the lab's own registry: Docker Hub refuses anonymous pulls when 200 instances start at once.
#
# No rule deletes images: results name theirs by its digest, also one that no tag points to. No repository policy: the account's
# roles are allowed by their own policies, and nobody else is.
resource "aws_ecr_repository" "jobs" {
  #checkov:skip=CKV_AWS_136:ECR's own keys. The image holds programs, no patients' data.
  name = local.prefix

  # A tag that can move would let two runs of one record use different programs.
  image_tag_mutability = "IMMUTABLE"

  image_scanning_configuration {
    scan_on_push = true
  }

  encryption_configuration {
    encryption_type = "AES256"
  }
}
