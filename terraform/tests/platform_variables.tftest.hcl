# The plan refuses values that AWS would refuse only later. Each run gives several variables a value that is wrong in the same way.

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
}

run "too_short" {
  command = plan

  module {
    source = "./platform"
  }

  variables {
    name           = "m"
    region         = ""
    tags           = { "" = "x" }
    data_bucket    = "ab"
    image          = ""
    key_pair       = ""
    opsctl_version = ""
    repository_arn = ""
    repository_url = ""
    source_buckets = ["ndmg-data", ""]
  }

  expect_failures = [var.name, var.region, var.tags, var.data_bucket, var.image, var.key_pair, var.opsctl_version, var.repository_arn, var.repository_url, var.source_buckets]
}

run "too_long" {
  command = plan

  module {
    source = "./platform"
  }

  variables {
    name        = "a23456789012345678901"
    tags        = { for number in range(41) : "tag${number}" => "x" }
    data_bucket = "a234567890123456789012345678901234567890123456789012345678901234"
    image       = join("", [for _ in range(256) : "a"])
    key_pair    = join("", [for _ in range(256) : "a"])
  }

  expect_failures = [var.name, var.tags, var.data_bucket, var.image, var.key_pair]
}

run "wrong_letters" {
  command = plan

  module {
    source = "./platform"
  }

  variables {
    name           = "Lab"
    region         = "US-EAST-1"
    tags           = { lab = "50%" }
    data_bucket    = "s3://lab-data"
    image          = "m2g latest"
    m2g_image      = "m2g latest"
    source_buckets = ["ndmg-data", "s3://fcp-indi"]
    key_pair       = "Schlüssel"
    opsctl_version = "latest"
  }

  expect_failures = [var.name, var.region, var.tags, var.data_bucket, var.image, var.m2g_image, var.source_buckets, var.key_pair, var.opsctl_version]
}

run "wrong_beginning" {
  command = plan

  module {
    source = "./platform"
  }

  variables {
    name           = "2lab"
    tags           = { "AWS:x" = "1" }
    data_bucket    = "-lab"
    repository_arn = "arn:aws:s3:::lab-data"
    repository_url = "https://example.org/m2g"
    vpc_cidr       = "10.0.1.0/16"
  }

  expect_failures = [var.name, var.tags, var.data_bucket, var.repository_arn, var.repository_url, var.vpc_cidr]
}

run "wrong_end" {
  command = plan

  module {
    source = "./platform"
  }

  variables {
    name           = "lab-"
    region         = "us-east-1a"
    data_bucket    = "lab-data/HNU1"
    repository_url = "example.org/m2g:1"
    vpc_cidr       = "10.0.0.0"
  }

  expect_failures = [var.name, var.region, var.data_bucket, var.repository_url, var.vpc_cidr]
}

run "reserved" {
  command = plan

  module {
    source = "./platform"
  }

  variables {
    name = "my--lab"
    tags = { "opsctl:platform" = "other" }
  }

  expect_failures = [var.name, var.tags]
}

run "too_small" {
  command = plan

  module {
    source = "./platform"
  }

  variables {
    csd_max_vcpus           = 1
    csa_max_vcpus           = 3
    root_volume_gib         = 29
    attempt_timeout_seconds = 59
    attempts                = 0
    log_retention_days      = 0
    vpc_cidr                = "10.0.0.0/21"
  }

  expect_failures = [var.csd_max_vcpus, var.csa_max_vcpus, var.root_volume_gib, var.attempt_timeout_seconds, var.attempts, var.log_retention_days, var.vpc_cidr]
}

run "too_large" {
  command = plan

  module {
    source = "./platform"
  }

  variables {
    root_volume_gib         = 16385
    attempt_timeout_seconds = 1209601
    attempts                = 11
    log_retention_days      = 31
    vpc_cidr                = "10.0.0.0/15"
  }

  expect_failures = [var.root_volume_gib, var.attempt_timeout_seconds, var.attempts, var.log_retention_days, var.vpc_cidr]
}

run "not_whole" {
  command = plan

  module {
    source = "./platform"
  }

  variables {
    csd_max_vcpus           = 2.5
    csa_max_vcpus           = 4.5
    root_volume_gib         = 50.5
    attempt_timeout_seconds = 60.5
    attempts                = 1.5
  }

  expect_failures = [var.csd_max_vcpus, var.csa_max_vcpus, var.root_volume_gib, var.attempt_timeout_seconds, var.attempts]
}

run "ipv6" {
  command = plan

  module {
    source = "./platform"
  }

  variables {
    vpc_cidr = "fd00::/16"
  }

  expect_failures = [var.vpc_cidr]
}

run "image_of_another_repository" {
  command = plan

  module {
    source = "./platform"
  }

  variables {
    image = "123456789012.dkr.ecr.us-east-1.amazonaws.com/opsctl-m2g-2:1"
  }

  expect_failures = [output.record]
}

run "smallest_values" {
  command = plan

  module {
    source = "./platform"
  }

  variables {
    name                    = "m2"
    csd_max_vcpus           = 2
    csa_max_vcpus           = 4
    root_volume_gib         = 30
    attempt_timeout_seconds = 60
    attempts                = 1
    log_retention_days      = 1
    vpc_cidr                = "192.168.16.0/20"
    image                   = "neurodata/m2g:latest"
  }
}

run "largest_values" {
  command = plan

  module {
    source = "./platform"
  }

  variables {
    name                    = "a2-45678901234567890"
    region                  = "ap-southeast-1"
    root_volume_gib         = 16384
    attempt_timeout_seconds = 1209600
    attempts                = 10
    log_retention_days      = 3653
    key_pair                = "lab key"
    image                   = "123456789012.dkr.ecr.us-east-1.amazonaws.com/opsctl-m2g@sha256:00000000"
  }
}

run "families_of_another_shape" {
  command = plan

  module {
    source = "./platform"
  }

  variables {
    more_instance_families = ["c5"]
    zones                  = ["us-east-1"]
  }

  expect_failures = [var.more_instance_families, var.zones]
}

run "families_of_another_processor" {
  command = plan

  module {
    source = "./platform"
  }

  variables {
    more_instance_families = ["r6g"]
    zones                  = []
  }

  expect_failures = [var.more_instance_families, var.zones]
}

run "families_and_zones_twice" {
  command = plan

  module {
    source = "./platform"
  }

  variables {
    more_instance_families = ["r5a", "r5a"]
    zones                  = ["us-east-1a", "us-east-1a"]
  }

  expect_failures = [var.more_instance_families, var.zones]
}

run "the_family_that_is_there_anyway" {
  command = plan

  module {
    source = "./platform"
  }

  variables {
    more_instance_families = ["r5"]
  }

  expect_failures = [var.more_instance_families]
}

run "waits_too_short" {
  command = plan

  module {
    source = "./platform"
  }

  variables {
    no_capacity_wait_seconds = 599
    misfit_wait_seconds      = 0
  }

  expect_failures = [var.no_capacity_wait_seconds, var.misfit_wait_seconds]
}

run "waits_too_long" {
  command = plan

  module {
    source = "./platform"
  }

  variables {
    no_capacity_wait_seconds = 86401
    misfit_wait_seconds      = 600.5
  }

  expect_failures = [var.no_capacity_wait_seconds, var.misfit_wait_seconds]
}

run "fallback_without_spot" {
  command = plan

  module {
    source = "./platform"
  }

  variables {
    spot_fallback = true
  }

  expect_failures = [output.record]
}

run "waits_for_ever_and_many_families" {
  command = plan

  module {
    source = "./platform"
  }

  variables {
    no_capacity_wait_seconds = null
    zones                    = null
    more_instance_families   = ["r5a", "r5b", "r5d", "r5dn", "r5n", "r6a", "r6i", "r6idn", "r7a", "r7i", "r7iz", "r8i"]
  }
}
