mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  prefix         = "opsctl-m2g"
  cidr           = "10.0.0.0/16"
  instance_types = ["r5.large", "r5.xlarge"]
  zones          = null

  more_instance_types = []
}

run "network" {
  command = plan

  module {
    source = "./modules/vpc"
  }

  assert {
    condition     = length(aws_subnet.public) == 5 && !contains(keys(aws_subnet.public), "us-east-1e")
    error_message = "A subnet in every zone that has the types, none in the zone that has not."
  }

  assert {
    condition     = alltrue([for subnet in aws_subnet.public : subnet.map_public_ip_on_launch])
    error_message = "Without public addresses every job stays RUNNABLE."
  }

  assert {
    condition = {
      for zone, subnet in aws_subnet.public : zone => subnet.cidr_block
      } == {
      us-east-1a = "10.0.0.0/19"
      us-east-1b = "10.0.32.0/19"
      us-east-1c = "10.0.64.0/19"
      us-east-1d = "10.0.96.0/19"
      us-east-1f = "10.0.128.0/19"
    }
    error_message = "Each zone's subnet is an eighth of the range, in the order of the zones."
  }

  assert {
    condition     = keys(aws_route_table_association.public) == keys(aws_subnet.public)
    error_message = "Every subnet has a route to the internet."
  }

  assert {
    condition     = one(aws_route_table.public.route).cidr_block == "0.0.0.0/0"
    error_message = "The route leads to every address."
  }

  assert {
    condition     = aws_vpc_endpoint.s3.vpc_endpoint_type == "Gateway" && aws_vpc_endpoint.s3.service_name == "com.amazonaws.us-east-1.s3"
    error_message = "The S3 endpoint is the free one, of this region."
  }

  assert {
    condition     = aws_vpc.main.enable_dns_support
    error_message = "Instances can resolve the names of AWS's services."
  }

  assert {
    condition     = length(aws_security_group.jobs.ingress) == 0
    error_message = "Nothing may come in."
  }

  assert {
    condition     = [for rule in aws_security_group.jobs.egress : "${rule.protocol} ${rule.from_port}-${rule.to_port}"] == ["tcp 443-443"]
    error_message = "Only HTTPS goes out."
  }
}

run "only_zones_with_every_type" {
  command = plan

  module {
    source = "./modules/vpc"
  }

  override_data {
    target = data.aws_ec2_instance_type_offerings.zones["r5.large"]
    values = { locations = ["us-east-1a", "us-east-1b"] }
  }

  override_data {
    target = data.aws_ec2_instance_type_offerings.zones["r5.xlarge"]
    values = { locations = ["us-east-1b", "us-east-1-bos-1a"] }
  }

  assert {
    condition     = keys(aws_subnet.public) == ["us-east-1b"]
    error_message = "A zone counts when it has all the types, and is not a local zone."
  }
}

run "no_zone_has_the_types" {
  command = plan

  module {
    source = "./modules/vpc"
  }

  override_data {
    target = data.aws_ec2_instance_type_offerings.zones
    values = { locations = [] }
  }

  expect_failures = [aws_vpc.main]
}

run "named_zones" {
  command = plan

  module {
    source = "./modules/vpc"
  }

  variables {
    zones = ["us-east-1d", "us-east-1b"]
  }

  assert {
    condition     = keys(aws_subnet.public) == ["us-east-1b", "us-east-1d"]
    error_message = "The zones named, and no other."
  }
}

run "a_named_zone_without_the_types" {
  command = plan

  module {
    source = "./modules/vpc"
  }

  variables {
    zones = ["us-east-1b", "us-east-1e"]
  }

  expect_failures = [aws_vpc.main]
}

# A zone without a further type is still used: Batch uses the types that the zone has.
run "further_types_need_one_zone" {
  command = plan

  module {
    source = "./modules/vpc"
  }

  variables {
    more_instance_types = ["r7i.large"]
  }

  override_data {
    target = data.aws_ec2_instance_type_offerings.zones["r7i.large"]
    values = { locations = ["us-east-1c"] }
  }

  assert {
    condition     = length(aws_subnet.public) == 5
    error_message = "Zones are chosen by the types that every scan fits."
  }
}

run "a_further_type_that_the_region_lacks" {
  command = plan

  module {
    source = "./modules/vpc"
  }

  variables {
    zones               = ["us-east-1a", "us-east-1b"]
    more_instance_types = ["r7i.large"]
  }

  override_data {
    target = data.aws_ec2_instance_type_offerings.zones["r7i.large"]
    values = { locations = ["us-east-1c"] }
  }

  expect_failures = [aws_vpc.main]
}
