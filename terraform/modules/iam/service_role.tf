# What Batch itself may do: start and end instances, run ECS tasks.

data "aws_iam_policy_document" "service_trust" {
  statement {
    sid     = "BatchOfThisAccount"
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["batch.amazonaws.com"]
    }

    # Another account's Batch (the confused deputy), or this account's in another region, cannot use this role.
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account_id]
    }

    # The source that Batch names: a compute environment of this platform, or a job, whose id is not known in advance.
    condition {
      test     = "ArnLike"
      variable = "aws:SourceArn"
      values = [
        "arn:${local.partition}:batch:${local.region}:${local.account_id}:compute-environment/${var.environment_prefix}*",
        "arn:${local.partition}:batch:${local.region}:${local.account_id}:job/*",
      ]
    }
  }
}

resource "aws_iam_role" "service" {
  name                 = "${var.prefix}-service"
  path                 = var.path
  description          = "opsctl: AWS Batch manages the platform's instances"
  assume_role_policy   = data.aws_iam_policy_document.service_trust.json
  permissions_boundary = var.permissions_boundary
}

# AWS's managed policy is broad, but AWS extends it when Batch needs more (as for the reason why a queue is blocked), and a role
# that lacks an action makes its environments INVALID while scans run. Only Batch can use the role: it cannot be passed to
# another service, and the trust policy above admits no other account.
resource "aws_iam_role_policy_attachment" "service" {
  role       = aws_iam_role.service.name
  policy_arn = "${local.managed_policies}/AWSBatchServiceRole"
}
