resource "aws_launch_template" "jobs" {
  name                   = "${var.prefix}-jobs"
  description            = "opsctl: disk and metadata of the instances that run scans"
  update_default_version = true

  # The root device of the ECS-optimised Amazon Linux. Its default of 30 GiB is too small for m2g's image and a scan.
  block_device_mappings {
    device_name = "/dev/xvda"

    ebs {
      volume_type           = "gp3"
      volume_size           = var.root_volume_gib
      throughput            = var.root_volume_throughput
      encrypted             = true
      kms_key_id            = var.kms_key_arn
      delete_on_termination = true
    }
  }

  # One hop is enough: a job gets its credentials from ECS's own address (169.254.170.2), and the ECS agent and the log driver
  # run on the host. A container behind a bridge cannot ask for the instance's credentials. Batch on EC2 gives jobs the host's
  # network, so the hop limit does not stop them; therefore the instance role may do little (modules/iam).
  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  # Batch requires MIME parts, because it adds its own.
  user_data = base64encode(file("${path.module}/user_data.mime"))

  # The provider's default_tags reach only the template, not the instances and disks.
  dynamic "tag_specifications" {
    for_each = toset(["instance", "volume"])

    content {
      resource_type = tag_specifications.value
      tags          = merge(var.tags, { Name = "${var.prefix}-job" })
    }
  }

  lifecycle {
    # A change of tags (default_tags included) would create a new version of the template, and that replaces both compute
    # environments while scans run. Template, instances and disks keep the tags of the first apply.
    ignore_changes = [tags, tag_specifications]
  }
}
