# The platform's own network. It costs nothing when idle: public subnets instead of a NAT gateway ($33 a month), and the free
# S3 endpoint instead of interface endpoints ($102 a month).

# Local and wavelength zones need an opt-in, cost more and lack most instance types.
data "aws_availability_zones" "regular" {
  #checkov:skip=CKV_AWS_394:A new zone is capacity that is wanted. `up` shows what it changes and waits while scans run; the variable zones pins them.
  state = "available"

  filter {
    name   = "opt-in-status"
    values = ["opt-in-not-required"]
  }
}

# Some zones do not have every instance type (one of us-east-1 has no r5). The letter of such a zone differs between accounts.
data "aws_ec2_instance_type_offerings" "zones" {
  for_each = toset(concat(var.instance_types, var.more_instance_types))

  location_type = "availability-zone"

  filter {
    name   = "instance-type"
    values = [each.value]
  }
}

locals {
  offering = [for type in var.instance_types : data.aws_ec2_instance_type_offerings.zones[type].locations]

  # Use every zone that has all the types: each zone is a separate pool of capacity, and a subnet is free. A zone need not have
  # the further types, because Batch uses those that a zone has. The address range is cut into eight; no region has more than
  # six such zones.
  usable_zones = sort(setintersection(coalesce(var.zones, data.aws_availability_zones.regular.names), data.aws_availability_zones.regular.names, local.offering...))
  zones        = slice(local.usable_zones, 0, min(8, length(local.usable_zones)))

  # Batch refuses a compute environment with a type that its region does not have.
  missing_types = [
    for type in var.more_instance_types : type
    if length(setintersection(local.zones, data.aws_ec2_instance_type_offerings.zones[type].locations)) == 0
  ]
}

resource "aws_vpc" "main" {
  #checkov:skip=CKV2_AWS_11:Nothing may come in, and what goes out is HTTPS; a flow log would cost more than it tells. An account's own rule may add one.
  cidr_block = var.cidr

  # Without DNS, instances cannot resolve the names of ECS, ECR and S3. It is EC2's default. enable_dns_hostnames is left as it is:
  # names of the instances' public addresses, which nobody uses. The provider waits 11 s after it has changed an attribute.
  enable_dns_support = true

  tags = { Name = var.prefix }

  lifecycle {
    precondition {
      condition     = length(local.usable_zones) > 0
      error_message = "No zone of ${var.zones == null ? "this region" : join(", ", var.zones)} has all of ${join(", ", var.instance_types)}: choose ${var.zones == null ? "another region" : "others"}."
    }

    precondition {
      condition     = var.zones == null ? true : length(local.zones) == length(var.zones)
      error_message = "Of ${join(", ", coalesce(var.zones, []))} only ${join(", ", local.zones)} have all of ${join(", ", var.instance_types)}: leave the others out of zones."
    }

    precondition {
      condition     = length(local.missing_types) == 0
      error_message = "None of the platform's zones has ${join(", ", local.missing_types)}: leave its family out of more_instance_families, or its size out of more_instance_sizes."
    }
  }
}

resource "aws_subnet" "public" {
  #checkov:skip=CKV_AWS_130:Public addresses instead of a NAT gateway ($33 a month); the security group lets nobody in.
  for_each = { for index, zone in local.zones : zone => index }

  vpc_id            = aws_vpc.main.id
  availability_zone = each.key
  cidr_block        = cidrsubnet(var.cidr, 3, each.value)

  # Without a public address (and without NAT) an instance never reaches ECS, and every job stays RUNNABLE for ever.
  # With one address each, 200 instances do not share the pull limit of one address at a public registry.
  map_public_ip_on_launch = true

  tags = { Name = "${var.prefix}-${each.key}" }
}

resource "aws_internet_gateway" "main" {
  vpc_id = aws_vpc.main.id

  tags = { Name = var.prefix }
}

resource "aws_route_table" "public" {
  vpc_id = aws_vpc.main.id

  route {
    cidr_block = "0.0.0.0/0"
    gateway_id = aws_internet_gateway.main.id
  }

  tags = { Name = var.prefix }
}

resource "aws_route_table_association" "public" {
  for_each = aws_subnet.public

  subnet_id      = each.value.id
  route_table_id = aws_route_table.public.id
}

data "aws_region" "current" {}

# Traffic of scans, results and image layers (ECR keeps them in S3) stays inside AWS's network, free of charge.
resource "aws_vpc_endpoint" "s3" {
  vpc_id            = aws_vpc.main.id
  service_name      = "com.amazonaws.${data.aws_region.current.name}.s3"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = [aws_route_table.public.id]

  tags = { Name = "${var.prefix}-s3" }
}
