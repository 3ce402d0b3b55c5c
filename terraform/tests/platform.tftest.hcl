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
