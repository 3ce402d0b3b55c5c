# How the root passes its variables on. Each module has its own file of tests.

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

# Applied, because the record's ARNs are known only after an apply.
run "what_was_asked_for" {
  module {
    source = "./platform"
  }

  variables {
    csd_max_vcpus   = 20
    csa_max_vcpus   = 40
    spot            = true
    root_volume_gib = 200
    spot_fallback   = true
    m2g_image       = "sha256:abc"

    more_instance_families = ["r5a", "r6i"]
  }

  assert {
    condition     = output.record.models.csd.max_vcpus == 20 && output.record.models.csa.max_vcpus == 40 && output.record.spot && output.record.spot_fallback && output.record.root_volume_gib == 200
    error_message = "The variables reach the record."
  }

  assert {
    condition     = output.record.m2g_image == "sha256:abc"
    error_message = "The record names m2g's own image."
  }

  assert {
    condition     = output.record.models.csd.more_instance_types == tolist(["r5a.large", "r6i.large"]) && output.record.models.csa.more_instance_types == tolist(["r5a.xlarge", "r6i.xlarge"])
    error_message = "Each model has the families' instances of its own size."
  }
}

run "several_scans_share_an_instance" {
  module {
    source = "./platform"
  }

  variables {
    csd_scans_per_instance = 2
    csa_scans_per_instance = 3
  }

  assert {
    condition = {
      for model, size in output.record.models : model => [size.instance_type, size.vcpus, size.memory_mib, size.instance_vcpus, size.instance_memory_mib]
    } == { csd = ["r5.large", 1, 7600, 2, 15200], csa = ["r5.xlarge", 1, 10133, 4, 30400] }
    error_message = "Each scan has whole vCPUs and its share of the memory."
  }

  assert {
    condition     = output.record.root_volume_gib == 100
    error_message = "100 GiB hold three scans."
  }
}

run "one_shares_and_the_other_does_not" {
  module {
    source = "./platform"
  }

  variables {
    csd_scans_per_instance = 2
    root_volume_gib        = 40
  }

  assert {
    condition     = output.record.models.csd.instance_memory_mib == 15200 && !can(output.record.models.csa.instance_memory_mib)
    error_message = "What one scan on each instance does not need is not listed."
  }

  assert {
    condition     = output.record.root_volume_gib == 40
    error_message = "A size that is given is taken as it is."
  }
}

run "a_disk_that_is_too_small_for_what_shares_it" {
  module {
    source = "./platform"
  }

  variables {
    more_instance_sizes = ["24xlarge"]
    root_volume_gib     = 33
  }

  assert {
    condition     = output.record.root_volume_gib == 78
    error_message = "A disk has the 30 GiB of the snapshot and 1 GiB for each of 48 scans at the least."
  }
}

run "larger_sizes" {
  module {
    source = "./platform"
  }

  variables {
    more_instance_sizes    = ["xlarge", "4xlarge"]
    more_instance_families = ["r6i"]
  }

  assert {
    condition = (
      output.record.models.csd.more_instance_types == tolist(["r6i.large", "r5.xlarge", "r6i.xlarge", "r5.4xlarge", "r6i.4xlarge"]) &&
      output.record.models.csa.more_instance_types == tolist(["r6i.xlarge", "r5.4xlarge", "r6i.4xlarge"])
    )
    error_message = "Each model has the sizes that are larger than its own, of all families."
  }

  assert {
    condition     = output.record.models.csd.memory_mib == 15200 && output.record.models.csd.vcpus == 2 && output.record.root_volume_gib == 120
    error_message = "A scan keeps its memory and its core, and the disk holds the eight scans of the largest size."
  }
}

run "m2g_image_unknown" {
  module {
    source = "./platform"
  }

  assert {
    condition     = output.record.m2g_image == var.image
    error_message = "The jobs' image stands for m2g's own where that is unknown."
  }
}

run "zones_with_the_types" {
  command = plan

  module {
    source = "./platform"
  }

  variables {
    zones = ["us-east-1b", "us-east-1d"]
  }
}
