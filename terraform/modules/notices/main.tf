# Mail when a job of a run ends and when AWS Batch reports a blocked queue: EventBridge's rules, and an SNS topic that people
# subscribe to. No function runs, so a message can hold only what is in one event.

locals {
  # Of an array, only the array itself: each of its child jobs has an event, too, with its index.
  ended = {
    status   = ["SUCCEEDED", "FAILED"]
    jobQueue = var.job_queue_arns
  }

  rules = {
    arrays = {
      description = "An array job of a run has ended."
      detail_type = "Batch Job State Change"
      detail      = merge(local.ended, { arrayProperties = { size = [{ exists = true }], index = [{ exists = false }] } })
      paths = {
        part      = "$.detail.parameters.part"
        run       = "$.detail.parameters.run"
        job       = "$.detail.jobName"
        status    = "$.detail.status"
        size      = "$.detail.arrayProperties.size"
        succeeded = "$.detail.arrayProperties.statusSummary.SUCCEEDED"
        failed    = "$.detail.arrayProperties.statusSummary.FAILED"
      }
      lines = [
        "opsctl: job <part> of the run <run> on the platform ${var.platform} has ended: <status>.",
        "Scans in it: <size>. Succeeded: <succeeded>. Failed: <failed>.",
        "State of the run: opsctl status --run <run> --platform ${var.platform}",
        "Why scans failed: opsctl why --run <run> --platform ${var.platform}",
        "AWS Batch's job: <job>",
      ]
    }
    jobs = {
      description = "A single job of a run has ended."
      detail_type = "Batch Job State Change"
      detail      = merge(local.ended, { arrayProperties = { size = [{ exists = false }], index = [{ exists = false }] } })
      paths = {
        part   = "$.detail.parameters.part"
        run    = "$.detail.parameters.run"
        job    = "$.detail.jobName"
        status = "$.detail.status"
      }
      lines = [
        "opsctl: job <part> of the run <run> on the platform ${var.platform} has ended: <status>.",
        "Scans in it: 1.",
        "State of the run: opsctl status --run <run> --platform ${var.platform}",
        "Why scans failed: opsctl why --run <run> --platform ${var.platform}",
        "AWS Batch's job: <job>",
      ]
    }
    blocked = {
      description = "AWS Batch reports that the first job of a queue cannot start."
      detail_type = "Batch Job Queue Blocked"
      detail      = { jobQueue = var.job_queue_arns }
      paths = {
        job    = "$.detail.jobName"
        run    = "$.detail.parameters.run"
        reason = "$.detail.statusReason"
      }
      lines = [
        "opsctl: a job queue of the platform ${var.platform} is blocked: its first job cannot start.",
        "Reason of AWS Batch: <reason>",
        "What to do about it: opsctl why --run <run> --platform ${var.platform}",
        "AWS Batch's job: <job>",
      ]
    }
  }
}

resource "aws_sns_topic" "notices" {
  #checkov:skip=CKV_AWS_26:EventBridge cannot publish to a topic that AWS's own key encrypts. A message holds a run's id and counts, and leaves as mail anyway.
  name = "${var.prefix}-notices"
}

data "aws_iam_policy_document" "publish" {
  statement {
    sid       = "EventBridgePublishes"
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.notices.arn]

    # No condition: EventBridge does not evaluate conditions of a topic's policy, and would send nothing
    # (docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html#eb-sns-permissions).
    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }
  }
}

resource "aws_sns_topic_policy" "publish" {
  arn    = aws_sns_topic.notices.arn
  policy = data.aws_iam_policy_document.publish.json
}

# AWS sends each address a mail with a link, which its owner opens to confirm.
resource "aws_sns_topic_subscription" "email" {
  for_each = toset(var.emails)

  topic_arn = aws_sns_topic.notices.arn
  protocol  = "email"
  endpoint  = each.value
}

resource "aws_cloudwatch_event_rule" "notice" {
  for_each = local.rules

  name        = "${var.prefix}-${each.key}"
  description = each.value.description
  event_pattern = jsonencode({
    source      = ["aws.batch"]
    detail-type = [each.value.detail_type]
    detail      = each.value.detail
  })
}

resource "aws_cloudwatch_event_target" "topic" {
  for_each = local.rules

  rule = aws_cloudwatch_event_rule.notice[each.key].name
  arn  = aws_sns_topic.notices.arn

  input_transformer {
    input_paths    = each.value.paths
    input_template = join("\n", [for line in each.value.lines : "\"${line}\""])
  }

  # A rule that has a target before the topic lets it publish loses what happens in between.
  depends_on = [aws_sns_topic_policy.publish]
}
