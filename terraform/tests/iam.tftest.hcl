# The documents' statements are what is asserted: a mocked provider does not render them. tests/terraform reads the rendered ones.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  prefix         = "opsctl-m2g-us-east-1"
  data_bucket    = "lab-data"
  source_buckets = ["ndmg-data", "lab-data"]
  repository_arn = "arn:aws:ecr:us-east-1:123456789012:repository/opsctl-m2g"
  log_group_name = "/opsctl/m2g"

  environment_prefix = "opsctl-m2g-"
}

run "trust" {
  command = plan

  module {
    source = "./modules/iam"
  }

  assert {
    condition = {
      service  = one(one(data.aws_iam_policy_document.service_trust.statement[0].principals).identifiers)
      instance = one(one(data.aws_iam_policy_document.instance_trust.statement[0].principals).identifiers)
      job      = one(one(data.aws_iam_policy_document.job_trust.statement[0].principals).identifiers)
      } == {
      service  = "batch.amazonaws.com"
      instance = "ec2.amazonaws.com"
      job      = "ecs-tasks.amazonaws.com"
    }
    error_message = "One role a principal."
  }

  assert {
    condition = jsonencode({
      for role, statement in { service = data.aws_iam_policy_document.service_trust.statement[0], job = data.aws_iam_policy_document.job_trust.statement[0] } :
      role => { for condition in statement.condition : "${condition.test} ${condition.variable}" => sort(condition.values) }
      }) == jsonencode({
      service = {
        "StringEquals aws:SourceAccount" = ["123456789012"]
        "ArnLike aws:SourceArn"          = ["arn:aws:batch:us-east-1:123456789012:compute-environment/opsctl-m2g-*", "arn:aws:batch:us-east-1:123456789012:job/*"]
      }
      job = {
        "StringEquals aws:SourceAccount" = ["123456789012"]
        "ArnLike aws:SourceArn"          = ["arn:aws:ecs:us-east-1:123456789012:*"]
      }
    })
    error_message = "Batch and ECS may use the roles for this account and region only, Batch for this platform's environments."
  }

  assert {
    condition     = length(data.aws_iam_policy_document.instance_trust.statement[0].condition) == 0
    error_message = "EC2 sends no aws:SourceAccount: with a condition no instance ever gets its role."
  }

  assert {
    condition     = aws_iam_role_policy_attachment.service.policy_arn == "arn:aws:iam::aws:policy/service-role/AWSBatchServiceRole"
    error_message = "Batch's own policy."
  }

  assert {
    condition     = aws_iam_role_policy_attachment.instance.policy_arn == "arn:aws:iam::aws:policy/service-role/AmazonEC2ContainerServiceforEC2Role"
    error_message = "ECS's policy for instances."
  }
}

run "job" {
  command = plan

  module {
    source = "./modules/iam"
  }

  assert {
    condition = jsonencode({
      for statement in data.aws_iam_policy_document.job.statement : statement.sid => sort(statement.actions)
      }) == jsonencode({
      ListBuckets  = ["s3:ListBucket"]
      ReadObjects  = ["s3:GetObject"]
      WriteOutputs = ["s3:AbortMultipartUpload", "s3:PutObject"]
    })
    error_message = "List, read, write: no delete, no ACL."
  }

  assert {
    condition = jsonencode({
      for statement in data.aws_iam_policy_document.job.statement : statement.sid => sort(statement.resources)
      }) == jsonencode({
      ListBuckets  = ["arn:aws:s3:::lab-data", "arn:aws:s3:::ndmg-data"]
      ReadObjects  = ["arn:aws:s3:::lab-data/*", "arn:aws:s3:::ndmg-data/*"]
      WriteOutputs = ["arn:aws:s3:::lab-data/*/derivatives/*", "arn:aws:s3:::lab-data/opsctl/*"]
    })
    error_message = "Datasets are read, only derivatives and records are written, and only in the data bucket."
  }
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

run "instance" {
  command = plan

  module {
    source = "./modules/iam"
  }

  assert {
    condition     = alltrue([for statement in data.aws_iam_policy_document.instance.statement : statement.effect == "Deny"])
    error_message = "What is written here only takes away from AWS's policy."
  }

  assert {
    condition = jsonencode({
      for statement in data.aws_iam_policy_document.instance.statement : statement.sid => sort(statement.actions)
      }) == jsonencode({
      DenyOtherRepositories = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
      DenyOtherLogGroups    = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]
      DenyData              = ["s3:*"]
    })
    error_message = "No other images, no other log groups, no data."
  }

  assert {
    condition = (
      one(data.aws_iam_policy_document.instance.statement[0].not_resources) == var.repository_arn &&
      sort(data.aws_iam_policy_document.instance.statement[1].not_resources) == tolist(["arn:aws:logs:us-east-1:123456789012:log-group:/opsctl/m2g", "arn:aws:logs:us-east-1:123456789012:log-group:/opsctl/m2g:*"]) &&
      one(data.aws_iam_policy_document.instance.statement[2].resources) == "arn:aws:s3:::*"
    )
    error_message = "One repository, one log group, and every bucket."
  }

  assert {
    condition     = [aws_iam_role.service.name, aws_iam_role.instance.name, aws_iam_role.job.name] == ["opsctl-m2g-us-east-1-service", "opsctl-m2g-us-east-1-instance", "opsctl-m2g-us-east-1-job"]
    error_message = "Names can be told beforehand."
  }
}

run "longest_prefix" {
  command = plan

  module {
    source = "./modules/iam"
  }

  variables {
    prefix = "opsctl-a2345678901234567890-abcdefghijklmnopqrstuvw"
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
      ) : startswith(arn, "arn:aws-us-gov:")
    ])
    error_message = "GovCloud's and China's ARNs begin otherwise."
  }
}
