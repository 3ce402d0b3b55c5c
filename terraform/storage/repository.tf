# The jobs' image lies in the lab's own registry: Docker Hub refuses anonymous pulls when 200 instances start at once.
resource "aws_ecr_repository" "jobs" {
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
