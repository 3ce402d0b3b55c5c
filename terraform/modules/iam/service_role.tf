# What Batch itself may do: start and end instances, run ECS tasks.

data "aws_iam_policy_document" "service_trust" {
  statement {
    sid     = "BatchOfThisAccount"
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["batch.amazonaws.com"]
    }

    # Keep another account's Batch from using this role (the confused deputy), and this account's in another region.
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account_id]
    }

    # What Batch names when it takes the role: an environment of this platform, or a job, whose id nobody knows beforehand.
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
  name               = "${var.prefix}-service"
  description        = "opsctl: AWS Batch manages the platform's instances"
  assume_role_policy = data.aws_iam_policy_document.service_trust.json
}

# AWS's own policy, broad as it is: AWS adds to it what Batch needs anew (it did so to tell why a queue is blocked), and a role
# that lacks an action turns its environments INVALID, under running scans. Only Batch itself can use it: it can be passed to
# no other service, and the trust above lets in no other account.
resource "aws_iam_role_policy_attachment" "service" {
  role       = aws_iam_role.service.name
  policy_arn = "${local.managed_policies}/AWSBatchServiceRole"
}
