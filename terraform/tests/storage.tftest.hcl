mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name   = "m2g"
  region = "eu-central-1"
}

run "a_bucket_of_its_own" {
  command = plan

  module {
    source = "./storage"
  }

  assert {
    condition     = aws_s3_bucket.data[0].bucket == "opsctl-m2g-123456789012-eu-central-1" && aws_s3_bucket.data[0].force_destroy != true
    error_message = "The name can be told beforehand, and a full bucket is never deleted."
  }

  assert {
    condition = (
      aws_s3_bucket_public_access_block.data[0].block_public_acls && aws_s3_bucket_public_access_block.data[0].block_public_policy &&
      aws_s3_bucket_public_access_block.data[0].ignore_public_acls && aws_s3_bucket_public_access_block.data[0].restrict_public_buckets
    )
    error_message = "Private in all four ways."
  }

  assert {
    condition     = aws_s3_bucket_ownership_controls.data[0].rule[0].object_ownership == "BucketOwnerEnforced"
    error_message = "No ACLs."
  }

  assert {
    condition     = one(aws_s3_bucket_server_side_encryption_configuration.data[0].rule).apply_server_side_encryption_by_default[0].sse_algorithm == "AES256"
    error_message = "Encrypted."
  }

  assert {
    condition     = aws_s3_bucket_versioning.data[0].versioning_configuration[0].status == "Enabled"
    error_message = "Versioned."
  }

  assert {
    condition = jsonencode([
      for rule in aws_s3_bucket_lifecycle_configuration.data[0].rule : [
        rule.id, rule.status, rule.abort_incomplete_multipart_upload[0].days_after_initiation, length(rule.expiration), length(rule.noncurrent_version_expiration), length(rule.transition),
      ]
    ]) == jsonencode([["unfinished-uploads", "Enabled", 7, 0, 0, 0]])
    error_message = "Uploads that broke off go after a week, and nothing else ever does."
  }

  assert {
    condition     = length(data.aws_s3_bucket.existing) == 0
    error_message = "Nothing is looked up."
  }
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

run "an_existing_bucket" {
  command = plan

  module {
    source = "./storage"
  }

  variables {
    data_bucket = "lab-data"
  }

  override_data {
    target = data.aws_s3_bucket.existing
    values = { id = "lab-data" }
  }

  assert {
    condition = 0 == sum([
      length(aws_s3_bucket.data), length(aws_s3_bucket_public_access_block.data), length(aws_s3_bucket_ownership_controls.data), length(aws_s3_bucket_versioning.data),
      length(aws_s3_bucket_server_side_encryption_configuration.data), length(aws_s3_bucket_policy.data), length(aws_s3_bucket_lifecycle_configuration.data),
    ])
    error_message = "Somebody's bucket is never changed."
  }

  assert {
    condition     = output.data_bucket == "lab-data"
    error_message = "It is the data bucket all the same."
  }
}

run "repository" {
  command = plan

  module {
    source = "./storage"
  }

  assert {
    condition     = aws_ecr_repository.jobs.name == "opsctl-m2g" && aws_ecr_repository.jobs.force_delete != true
    error_message = "The name can be told beforehand, and images are never deleted with it."
  }

  assert {
    condition     = aws_ecr_repository.jobs.image_tag_mutability == "IMMUTABLE" && aws_ecr_repository.jobs.image_scanning_configuration[0].scan_on_push && aws_ecr_repository.jobs.encryption_configuration[0].encryption_type == "AES256"
    error_message = "Immutable, scanned, encrypted."
  }
}
