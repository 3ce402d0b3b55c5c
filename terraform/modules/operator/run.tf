# For people who run: upload, scans, check, run, status, why, logs, cancel, cost, results, report, audit, runs, datasets, doctor.
# They delete nothing, change no bucket and no queue, and pass no role.

data "aws_iam_policy_document" "run" {
  statement {
    sid       = "FindDatasetsAndRuns"
    actions   = ["s3:ListBucket"]
    resources = local.readable_arn
  }

  statement {
    sid       = "ReadDatasetsAndResults"
    actions   = ["s3:GetObject"]
    resources = [for arn in local.readable_arn : "${arn}/*"]
  }

  # Datasets lie wherever their people want them. What is overwritten by mistake, versioning keeps.
  statement {
    sid       = "UploadDatasetsAndRecordRuns"
    actions   = ["s3:PutObject", "s3:AbortMultipartUpload"]
    resources = ["${local.data_arn}/*"]
  }

  # Connectomes come from jobs: nobody edits one by hand, not even with rights that another policy gives.
  statement {
    sid       = "DenyWritingOutputs"
    effect    = "Deny"
    actions   = ["s3:PutObject"]
    resources = ["${local.data_arn}/*/derivatives/*"]
  }

  statement {
    sid       = "SubmitScans"
    actions   = ["batch:SubmitJob"]
    resources = concat(local.queues, local.definitions, local.revisions)
  }

  # A tag that is set while submitting is a permission of its own.
  statement {
    sid       = "TagScansWithTheirRun"
    actions   = ["batch:TagResource"]
    resources = [local.jobs]

    condition {
      test     = "ForAllValues:StringEquals"
      variable = "aws:TagKeys"
      values   = ["opsctl:run"]
    }
  }

  # A job has an id and no name, so this is every job of the account in this region. The * is TerminateJobs, its bulk form.
  statement {
    sid       = "EndScans"
    actions   = ["batch:TerminateJob*"]
    resources = [local.jobs]
  }

  statement {
    sid = "SeeJobs"
    actions = [
      "batch:DescribeComputeEnvironments",
      "batch:DescribeJobQueues",
      "batch:DescribeJobs",
      "batch:ListJobs",
    ]

    # None of these has a resource form.
    resources = ["*"]

    condition {
      test     = "StringEquals"
      variable = "aws:RequestedRegion"
      values   = [local.region]
    }
  }

  statement {
    sid       = "ReadLogs"
    actions   = ["logs:FilterLogEvents"]
    resources = local.log_groups
  }

  statement {
    sid       = "ReadThePlatformsRecord"
    actions   = ["ssm:GetParameter"]
    resources = [local.record]
  }

  statement {
    sid = "OptionalWhyNothingStarts"
    actions = [
      "ec2:DescribeInstanceTypes",
      "ec2:DescribeInstances",
      "ec2:DescribeRouteTables",
      "ec2:DescribeSecurityGroups",
      "ec2:DescribeSubnets",
      "logs:DescribeLogGroups",
    ]

    # None of these has a resource form.
    resources = ["*"]

    condition {
      test     = "StringEquals"
      variable = "aws:RequestedRegion"
      values   = [local.region]
    }
  }

  # EC2's limits on vCPUs of standard instances, on demand and Spot.
  statement {
    sid     = "OptionalQuotas"
    actions = ["servicequotas:GetServiceQuota"]
    resources = [
      "arn:${local.partition}:servicequotas:${local.here}:ec2/L-1216C47A",
      "arn:${local.partition}:servicequotas:${local.here}:ec2/L-34B43A08",
    ]
  }

  statement {
    sid       = "OptionalImageDigest"
    actions   = ["ecr:DescribeImages"]
    resources = [local.repository]
  }

  statement {
    sid     = "OptionalPrices"
    actions = ["ec2:DescribeSpotPriceHistory", "pricing:GetProducts"]

    # Neither has a resource form, and the price list answers in other regions than the platform's.
    resources = ["*"]
  }

  # What a person may do, asked of IAM itself. A role cannot name itself in a policy, a user can.
  statement {
    sid       = "OptionalDoctorAsksIAM"
    actions   = ["iam:GetRole", "iam:SimulatePrincipalPolicy"]
    resources = ["${local.iam}:role/*", "${local.iam}:user/&{aws:username}"]
  }
}
