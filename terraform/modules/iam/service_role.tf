# What Batch itself may do: start and end instances, run ECS tasks.

data "aws_iam_policy_document" "service_trust" {
  statement {
    sid     = "BatchOfThisAccount"
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["batch.amazonaws.com"]
    }

    # Keeps another account's Batch from using this role (the confused deputy).
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [data.aws_caller_identity.current.account_id]
    }
  }
}

resource "aws_iam_role" "service" {
  name               = "${var.prefix}-service"
  description        = "opsctl: AWS Batch manages the platform's instances"
  assume_role_policy = data.aws_iam_policy_document.service_trust.json
}

resource "aws_iam_role_policy_attachment" "service" {
  role       = aws_iam_role.service.name
  policy_arn = "${local.managed_policies}/AWSBatchServiceRole"
}
