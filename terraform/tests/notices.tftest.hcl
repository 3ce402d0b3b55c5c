# Mail: only where somebody is to be told, and only to what can be a mail address.

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

run "nobody_to_tell" {
  command = plan

  module {
    source = "./platform"
  }

  assert {
    condition     = length(module.notices) == 0
    error_message = "Without an address there is no topic and no rule."
  }
}

run "two_to_tell" {
  module {
    source = "./platform"
  }

  variables {
    notify_emails = ["someone@lab.org", "other@lab.org"]
  }

  assert {
    condition     = length(module.notices) == 1 && module.notices[0].topic_arn == "arn:aws:sns:us-east-1:123456789012:mocked"
    error_message = "With addresses there is one topic."
  }
}

run "no_mail_address" {
  command = plan

  module {
    source = "./platform"
  }

  variables {
    notify_emails = ["someone"]
  }

  expect_failures = [var.notify_emails]
}

run "the_same_address_twice" {
  command = plan

  module {
    source = "./platform"
  }

  variables {
    notify_emails = ["someone@lab.org", "someone@lab.org"]
  }

  expect_failures = [var.notify_emails]
}
