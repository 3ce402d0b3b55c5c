# Only cases that tests/policy does not render. A mocked provider renders no policies, so these runs assert statements.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  prefix         = "opsctl-m2g-us-east-1"
  data_bucket    = "lab-data"
  source_buckets = ["ndmg-data", "lab-data"]
  repository_arn = "arn:aws:ecr:us-east-1:123456789012:repository/opsctl-m2g"
  log_group_name = "/opsctl/m2g"

  environment_prefix   = "opsctl-m2g-"
  models               = ["csa", "csd"]
  path                 = "/"
  permissions_boundary = null
  kms_key_arn          = null
}

run "no_source_bucket" {
  command = plan

  module {
    source = "./modules/iam"
  }

  variables {
    source_buckets = []
  }

  assert {
    condition     = sort(data.aws_iam_policy_document.job.statement[1].resources) == tolist(["arn:aws:s3:::lab-data/*"])
    error_message = "Without further buckets only the data bucket is readable."
  }
}

run "only_the_platforms_clusters" {
  command = plan

  module {
    source = "./modules/iam"
  }

  assert {
    condition = sort(data.aws_iam_policy_document.instance.statement[3].not_resources) == sort([
      for cluster in [
        "AWSBatch-opsctl-m2g-csa-??????????????????????????-*", "AWSBatch-opsctl-m2g-csd-??????????????????????????-*",
        "opsctl-m2g-csa-??????????????????????????_Batch_*", "opsctl-m2g-csd-??????????????????????????_Batch_*",
      ] : "arn:aws:ecs:us-east-1:123456789012:cluster/${cluster}"
    ])
    error_message = "Both forms of a cluster's name, for both models, and no other platform's."
  }

  assert {
    condition = alltrue([
      for condition in data.aws_iam_policy_document.instance.statement[4].condition :
      condition.test == "ArnNotLike" && condition.variable == "ecs:cluster" && toset(condition.values) == toset(data.aws_iam_policy_document.instance.statement[3].not_resources)
    ])
    error_message = "Polling is denied for the same clusters as joining."
  }
}

run "longest_prefix" {
  command = plan

  module {
    source = "./modules/iam"
  }

  variables {
    prefix = "opsctl-a2345678901234567890-abcdefghijklmnopqrstuvwxyz01"
  }

  expect_failures = [var.prefix]
}

run "another_partition" {
  command = plan

  module {
    source = "./modules/iam"
  }

  override_data {
    target = data.aws_partition.current
    values = { partition = "aws-us-gov" }
  }

  assert {
    condition = alltrue([
      for arn in concat(
        [aws_iam_role_policy_attachment.service.policy_arn, aws_iam_role_policy_attachment.instance.policy_arn],
        flatten([for statement in data.aws_iam_policy_document.job.statement : tolist(statement.resources)]),
        tolist(data.aws_iam_policy_document.instance.statement[1].not_resources),
        tolist(data.aws_iam_policy_document.instance.statement[2].resources),
        tolist(data.aws_iam_policy_document.instance.statement[3].not_resources),
        flatten([for condition in data.aws_iam_policy_document.instance.statement[4].condition : condition.values]),
      ) : startswith(arn, "arn:aws-us-gov:")
    ])
    error_message = "ARNs in GovCloud and China begin differently."
  }
}
