# A network that somebody else made and keeps: nothing in it is changed. `opsctl up` checks it before the apply
# (opsctl/core/platform/network.py). Of the platform's own there is only this security group.

resource "aws_security_group" "jobs" {
  #checkov:skip=CKV2_AWS_5:Batch attaches it to the instances.
  # A prefix, because a replacement is created before the old group is deleted, and two groups of a VPC cannot share a name.
  name_prefix = "${var.prefix}-jobs-"
  description = "opsctl jobs: nothing in, HTTPS and DNS out"
  vpc_id      = var.vpc_id

  # Written out, so that a rule added by hand shows up in the next plan.
  ingress = []

  # To endpoints, through a NAT gateway or a proxy appliance: where HTTPS leads is for the VPC's routes to say. S3's gateway
  # endpoint has public addresses.
  egress {
    description = "HTTPS to AWS and to image registries"
    protocol    = "tcp"
    from_port   = 443
    to_port     = 443
    cidr_blocks = ["0.0.0.0/0"]
  }

  # Security groups do not filter what goes to the VPC's own resolver. An institute's DNS servers (DHCP options) are filtered.
  dynamic "egress" {
    for_each = toset(["tcp", "udp"])

    content {
      description = "DNS servers of the institute"
      protocol    = egress.value
      from_port   = 53
      to_port     = 53
      cidr_blocks = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"]
    }
  }

  tags = { Name = "${var.prefix}-jobs" }

  lifecycle {
    create_before_destroy = true
  }
}
