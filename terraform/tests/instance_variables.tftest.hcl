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

run "sizes_and_shares_that_hold_no_scan" {
  command = plan

  module {
    source = "./platform"
  }

  variables {
    more_instance_sizes    = ["large"]
    csd_scans_per_instance = 3
    csa_scans_per_instance = 5
    root_volume_throughput = 100
  }

  expect_failures = [var.more_instance_sizes, var.csd_scans_per_instance, var.csa_scans_per_instance, var.root_volume_throughput]
}

run "sizes_twice_and_no_share" {
  command = plan

  module {
    source = "./platform"
  }

  variables {
    more_instance_sizes    = ["xlarge", "xlarge"]
    csd_scans_per_instance = 0
    csa_scans_per_instance = 1.5
    root_volume_throughput = 1001
  }

  expect_failures = [var.more_instance_sizes, var.csd_scans_per_instance, var.csa_scans_per_instance, var.root_volume_throughput]
}
