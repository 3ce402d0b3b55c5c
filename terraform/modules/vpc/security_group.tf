# Instances have public addresses. This group admits no connection from the internet or from anywhere else.
resource "aws_security_group" "jobs" {
  #checkov:skip=CKV2_AWS_5:Batch attaches it to the instances.
  # A prefix, because a replacement is created before the old group is deleted, and two groups of a VPC cannot share a name.
  name_prefix = "${var.prefix}-jobs-"
  description = "opsctl jobs: nothing in, HTTPS out"
  vpc_id      = aws_vpc.main.id

  # Written out, so that a rule added by hand shows up in the next plan.
  ingress = []

  # ECS, ECR, CloudWatch Logs, S3 and every registry speak HTTPS. No rule for DNS, time and instance metadata: security
  # groups do not filter what goes to the VPC's resolver and the link-local services.
  egress {
    description = "HTTPS to AWS and to image registries"
    protocol    = "tcp"
    from_port   = 443
    to_port     = 443
    cidr_blocks = ["0.0.0.0/0"]
  }

  tags = { Name = "${var.prefix}-jobs" }

  lifecycle {
    create_before_destroy = true
  }
}

# Every VPC comes with a default group that allows traffic between its members and to the internet. This resource removes its
# rules.
resource "aws_default_security_group" "unused" {
  vpc_id = aws_vpc.main.id

  tags = { Name = "${var.prefix}-unused" }
}
