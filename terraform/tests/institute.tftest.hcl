# An account whose institute sets rules: an existing network, a key, names, a path, a boundary (docs/institute.md).

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name           = "m2g"
  region         = "us-east-1"
  data_bucket    = "lab-data"
  repository_arn = "arn:aws:ecr:us-east-1:123456789012:repository/opsctl-m2g"
  repository_url = "123456789012.dkr.ecr.us-east-1.amazonaws.com/opsctl-m2g"
  image          = "123456789012.dkr.ecr.us-east-1.amazonaws.com/opsctl-m2g:0.1.0"
  opsctl_version = "0.1.0"

  # Of the modules' runs.
  prefix               = "opsctl-m2g-us-east-1"
  models               = ["csa", "csd"]
  path                 = "/lab/"
  permissions_boundary = "arn:aws:iam::123456789012:policy/Boundary"
  kms_key_arn          = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
  source_buckets       = []
  log_group_name       = "/opsctl/m2g"
  environment_prefix   = "opsctl-m2g-"
}

run "an_existing_network" {
  command = plan

  module {
    source = "./platform"
  }

  variables {
    permissions_boundary = null
    kms_key_arn          = null
    vpc_id               = "vpc-0123456789abcdef0"
    subnet_ids           = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]
  }

  assert {
    condition     = length(module.vpc) == 0 && length(module.existing_vpc) == 1
    error_message = "The platform makes no network of its own."
  }

  assert {
    condition     = module.existing_vpc[0].subnet_ids == tolist(["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"])
    error_message = "Instances start in the subnets that were named."
  }
}

run "the_group_in_an_existing_network" {
  command = plan

  module {
    source = "./modules/existing_vpc"
  }

  variables {
    prefix     = "opsctl-m2g"
    vpc_id     = "vpc-0123456789abcdef0"
    subnet_ids = ["subnet-0123456789abcdef0"]
  }

  assert {
    condition     = aws_security_group.jobs.vpc_id == "vpc-0123456789abcdef0" && length(aws_security_group.jobs.ingress) == 0
    error_message = "Nothing may come in."
  }

  assert {
    condition     = toset([for rule in aws_security_group.jobs.egress : "${rule.protocol} ${rule.from_port}-${rule.to_port}"]) == toset(["tcp 443-443", "tcp 53-53", "udp 53-53"])
    error_message = "Only HTTPS and DNS go out."
  }

  assert {
    condition     = alltrue([for rule in aws_security_group.jobs.egress : !contains(rule.cidr_blocks, "0.0.0.0/0") if rule.from_port == 53])
    error_message = "DNS goes to private addresses only."
  }
}

run "a_network_of_its_own_by_default" {
  command = plan

  module {
    source = "./platform"
  }

  variables {
    permissions_boundary = null
    kms_key_arn          = null
  }

  assert {
    condition     = length(module.vpc) == 1 && length(module.existing_vpc) == 0
    error_message = "Without vpc_id nothing is different."
  }
}

run "subnets_without_their_vpc" {
  command = plan

  module {
    source = "./platform"
  }

  variables {
    subnet_ids = ["subnet-0123456789abcdef0"]
  }

  expect_failures = [output.record]
}

run "zones_of_an_existing_network" {
  command = plan

  module {
    source = "./platform"
  }

  variables {
    vpc_id     = "vpc-0123456789abcdef0"
    subnet_ids = ["subnet-0123456789abcdef0"]
    zones      = ["us-east-1a"]
  }

  expect_failures = [output.record]
}

run "wrong_forms" {
  command = plan

  module {
    source = "./platform"
  }

  variables {
    vpc_id               = "default"
    subnet_ids           = ["subnet-a"]
    kms_key_arn          = "alias/lab"
    role_path            = "lab"
    permissions_boundary = "Boundary"
    name_prefix          = "Lab"
  }

  expect_failures = [var.vpc_id, var.subnet_ids, var.kms_key_arn, var.role_path, var.permissions_boundary, var.name_prefix]
}

run "other_wrong_forms" {
  command = plan

  module {
    source = "./platform"
  }

  variables {
    subnet_ids  = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef0"]
    kms_key_arn = "arn:aws:kms:us-east-1:123456789012:alias/lab"
    role_path   = "/lab"
    name_prefix = "lab--"
  }

  expect_failures = [var.subnet_ids, var.kms_key_arn, var.role_path, var.name_prefix]
}

run "roles_with_a_path_and_a_boundary" {
  command = plan

  module {
    source = "./modules/iam"
  }

  assert {
    condition = alltrue([
      for role in [aws_iam_role.service, aws_iam_role.instance, aws_iam_role.job] :
      role.path == "/lab/" && role.permissions_boundary == "arn:aws:iam::123456789012:policy/Boundary"
    ])
    error_message = "Each of the three roles has both."
  }

  assert {
    condition     = aws_iam_instance_profile.instance.path == "/lab/"
    error_message = "The profile has the path of its role."
  }

  assert {
    condition = [
      for statement in data.aws_iam_policy_document.job.statement : statement.resources if statement.sid == "UseTheKeyThroughS3"
    ] == [toset(["arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"])]
    error_message = "Jobs may use this key and no other."
  }
}

run "no_key_no_statement" {
  command = plan

  module {
    source = "./modules/iam"
  }

  variables {
    kms_key_arn          = null
    permissions_boundary = null
    path                 = "/"
  }

  assert {
    condition     = length(data.aws_iam_policy_document.job.statement) == 3
    error_message = "Without a key the job role is as it was."
  }
}

run "names_with_a_prefix" {
  command = plan

  module {
    source = "./platform"
  }

  variables {
    name_prefix          = "lab-"
    permissions_boundary = null
    kms_key_arn          = null
  }

  assert {
    condition     = local.prefix == "lab-opsctl-m2g" && local.log_group_name == "/opsctl/m2g" && aws_ssm_parameter.record.name == "/opsctl/m2g/platform"
    error_message = "Every name begins with the prefix, but for those by which commands find the platform."
  }
}

run "storage_with_a_key_and_a_prefix" {
  command = plan

  module {
    source = "./storage"
  }

  variables {
    data_bucket = null
    name_prefix = "lab-"
  }

  assert {
    condition     = aws_s3_bucket.data[0].bucket == "lab-opsctl-m2g-123456789012-us-east-1" && aws_ecr_repository.jobs.name == "lab-opsctl-m2g"
    error_message = "Bucket and repository begin with the prefix."
  }

  assert {
    condition = alltrue([
      for rule in aws_s3_bucket_server_side_encryption_configuration.data[0].rule :
      rule.bucket_key_enabled && one(rule.apply_server_side_encryption_by_default).sse_algorithm == "aws:kms" &&
      one(rule.apply_server_side_encryption_by_default).kms_master_key_id == var.kms_key_arn
    ])
    error_message = "What is written is encrypted with the key, with few requests to KMS."
  }

  assert {
    condition     = aws_ecr_repository.jobs.encryption_configuration[0].encryption_type == "KMS" && aws_ecr_repository.jobs.encryption_configuration[0].kms_key == var.kms_key_arn
    error_message = "The repository is made with the key."
  }

  assert {
    condition     = output.kms_key_arn == var.kms_key_arn
    error_message = "The next up knows the key, although the record is gone after down."
  }
}

run "a_bucket_of_the_labs_own_keeps_its_encryption" {
  command = plan

  module {
    source = "./storage"
  }

  assert {
    condition     = length(aws_s3_bucket_server_side_encryption_configuration.data) == 0
    error_message = "An existing bucket is only looked up."
  }
}

run "a_name_too_long_for_a_bucket" {
  command = plan

  module {
    source = "./storage"
  }

  variables {
    data_bucket = null
    name_prefix = "institute-of-neuroscience-department-"
  }

  expect_failures = [aws_s3_bucket.data]
}
