resource "aws_launch_template" "jobs" {
  name                   = "${var.prefix}-jobs"
  description            = "opsctl: disk and metadata of the instances that run scans"
  update_default_version = true

  # The root device of the ECS-optimised Amazon Linux. Its own 30 GiB do not hold m2g's image and a scan.
  block_device_mappings {
    device_name = "/dev/xvda"

    ebs {
      volume_type           = "gp3"
      volume_size           = var.root_volume_gib
      encrypted             = true
      delete_on_termination = true
    }
  }

  # A job takes its credentials from ECS's own address (169.254.170.2), and the ECS agent and the log driver are on the host:
  # none is more than one hop from here, so nothing behind a bridge can ask for the instance's credentials. Batch on EC2 gives
  # jobs the host's network, which a hop limit does not shut out; the instance role is kept small for that (modules/iam).
  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  # Batch wants MIME parts, to which it adds its own.
  user_data = base64encode(file("${path.module}/user_data.mime"))

  # default_tags stop at the template itself.
  dynamic "tag_specifications" {
    for_each = toset(["instance", "volume"])

    content {
      resource_type = tag_specifications.value
      tags          = merge(var.tags, { Name = "${var.prefix}-job" })
    }
  }

  lifecycle {
    # Other tags would make another version of the template (the provider counts its own tags as well), and that replaces both
    # compute environments under running scans. Template, instances and disks keep the tags that the platform began with.
    ignore_changes = [tags, tag_specifications]
  }
}
