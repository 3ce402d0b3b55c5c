# The plan refuses values that AWS would refuse only later. Each run gives several variables a value that is wrong in the same way.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name   = "m2g"
  region = "us-east-1"
}

run "too_short" {
  command = plan

  module {
    source = "./storage"
  }

  variables {
    name        = "m"
    region      = ""
    tags        = { "" = "x" }
    data_bucket = "ab"
  }

  expect_failures = [var.name, var.region, var.tags, var.data_bucket]
}

run "too_long" {
  command = plan

  module {
    source = "./storage"
  }

  variables {
    name        = "a23456789012345678901"
    tags        = { for number in range(41) : "tag${number}" => "x" }
    data_bucket = "a234567890123456789012345678901234567890123456789012345678901234"
  }

  expect_failures = [var.name, var.tags, var.data_bucket]
}

run "wrong_letters" {
  command = plan

  module {
    source = "./storage"
  }

  variables {
    name        = "Lab"
    region      = "US-EAST-1"
    tags        = { lab = "50%" }
    data_bucket = "s3://lab-data"
  }

  expect_failures = [var.name, var.region, var.tags, var.data_bucket]
}

run "wrong_beginning" {
  command = plan

  module {
    source = "./storage"
  }

  variables {
    name        = "2lab"
    tags        = { "AWS:x" = "1" }
    data_bucket = "-lab"
  }

  expect_failures = [var.name, var.tags, var.data_bucket]
}

run "wrong_end" {
  command = plan

  module {
    source = "./storage"
  }

  variables {
    name        = "lab-"
    region      = "us-east-1a"
    data_bucket = "lab-data/HNU1"
  }

  expect_failures = [var.name, var.region, var.data_bucket]
}

run "reserved" {
  command = plan

  module {
    source = "./storage"
  }

  variables {
    name = "my--lab"
    tags = { "opsctl:platform" = "other" }
  }

  expect_failures = [var.name, var.tags]
}

run "longest_names" {
  command = plan

  module {
    source = "./storage"
  }

  variables {
    name   = "a2-45678901234567890"
    region = "ap-southeast-1"
    tags   = { "Kostenstelle" = "Neuro 7/ä" }
  }

  assert {
    condition     = length(aws_s3_bucket.data[0].bucket) <= 63
    error_message = "S3 takes names of at most 63 characters."
  }
}

run "no_days" {
  command = plan

  module {
    source = "./storage"
  }

  variables {
    noncurrent_days = 0
  }

  expect_failures = [var.noncurrent_days]
}

run "half_a_day" {
  command = plan

  module {
    source = "./storage"
  }

  variables {
    noncurrent_days = 1.5
  }

  expect_failures = [var.noncurrent_days]
}

run "half_a_day_of_uploads" {
  command = plan

  module {
    source = "./storage"
  }

  variables {
    unfinished_upload_days = 0.5
  }

  expect_failures = [var.unfinished_upload_days]
}
