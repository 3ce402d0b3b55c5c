# A budget: only where an amount and somebody to tell are set.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name           = "m2g"
  region         = "eu-west-1"
  data_bucket    = "lab-data"
  repository_arn = "arn:aws:ecr:eu-west-1:123456789012:repository/opsctl-m2g"
  repository_url = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/opsctl-m2g"
  image          = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/opsctl-m2g:0.1.0"
  opsctl_version = "0.1.0"
}

run "no_amount" {
  command = plan

  module {
    source = "./platform"
  }

  assert {
    condition     = length(module.budget) == 0
    error_message = "Without an amount there is no budget."
  }
}

run "an_amount" {
  module {
    source = "./platform"
  }

  variables {
    monthly_budget = 180.5
    notify_emails  = ["someone@lab.org"]
  }

  assert {
    condition     = one(module.budget).name == "opsctl-m2g-eu-west-1-monthly"
    error_message = "The budget's name must have platform and region: budgets belong to an account."
  }
}

run "nobody_to_tell" {
  command = plan

  module {
    source = "./platform"
  }

  variables {
    monthly_budget = 180.5
  }

  expect_failures = [output.record]
}

run "more_addresses_than_aws_takes" {
  command = plan

  module {
    source = "./platform"
  }

  variables {
    monthly_budget = 180.5
    notify_emails  = [for number in range(11) : "someone-${number}@lab.org"]
  }

  expect_failures = [output.record]
}

run "an_amount_of_nothing" {
  command = plan

  module {
    source = "./platform"
  }

  variables {
    monthly_budget = 0
    notify_emails  = ["someone@lab.org"]
  }

  expect_failures = [var.monthly_budget]
}
