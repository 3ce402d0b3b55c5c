# A queue a model, so that csd scans never wait behind csa scans.
resource "aws_batch_job_queue" "model" {
  for_each = var.models

  name     = "${var.prefix}-${each.key}"
  state    = "ENABLED"
  priority = 1

  compute_environment_order {
    order               = 1
    compute_environment = aws_batch_compute_environment.model[each.key].arn
  }
}
