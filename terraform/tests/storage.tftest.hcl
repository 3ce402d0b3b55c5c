# Only a setting that tests/terraform does not apply.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name   = "m2g"
  region = "eu-central-1"
}

run "replaced_versions_for_a_time" {
  command = plan

  module {
    source = "./storage"
  }

  variables {
    noncurrent_days = 90
  }

  assert {
    condition = (
      [for rule in aws_s3_bucket_lifecycle_configuration.data[0].rule : rule.id] == ["unfinished-uploads", "replaced-versions"] &&
      aws_s3_bucket_lifecycle_configuration.data[0].rule[1].noncurrent_version_expiration[0].noncurrent_days == 90 &&
      length(aws_s3_bucket_lifecycle_configuration.data[0].rule[1].expiration) == 0
    )
    error_message = "Only what was replaced or deleted by somebody goes, and only when asked for."
  }
}

run "no_rule_at_all" {
  command = plan

  module {
    source = "./storage"
  }

  variables {
    unfinished_upload_days = 0
  }

  assert {
    condition     = length(aws_s3_bucket_lifecycle_configuration.data) == 0
    error_message = "S3 accepts no configuration without a rule."
  }
}

run "only_replaced_versions" {
  command = plan

  module {
    source = "./storage"
  }

  variables {
    unfinished_upload_days = 0
    noncurrent_days        = 90
  }

  assert {
    condition     = [for rule in aws_s3_bucket_lifecycle_configuration.data[0].rule : rule.id] == ["replaced-versions"]
    error_message = "One rule does not bring the other."
  }
}
