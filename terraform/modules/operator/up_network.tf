# The network's half of what `up` and `down` need. EC2 names things by ids, so what is the platform's is told by its tag.

locals {
  ec2 = "arn:${local.partition}:ec2:${local.here}"
  tag = "opsctl:platform"
}

data "aws_iam_policy_document" "up_network" {
  statement {
    sid = "SeeTheNetwork"
    actions = [
      "ec2:DescribeAvailabilityZones",
      "ec2:DescribeInstanceTypeOfferings",
      "ec2:DescribeInstances",
      "ec2:DescribeInternetGateways",
      "ec2:DescribeLaunchTemplateVersions",
      "ec2:DescribeLaunchTemplates",
      "ec2:DescribeNetworkAcls",
      "ec2:DescribeNetworkInterfaces",
      "ec2:DescribePrefixLists",
      "ec2:DescribeRouteTables",
      "ec2:DescribeSecurityGroupRules",
      "ec2:DescribeSecurityGroups",
      "ec2:DescribeSubnets",
      "ec2:DescribeVolumes",
      "ec2:DescribeVpcEndpoints",
      "ec2:DescribeVpcs",
    ]

    # None of these has a resource form.
    resources = ["*"]

    condition {
      test     = "StringEquals"
      variable = "aws:RequestedRegion"
      values   = [local.region]
    }
  }

  statement {
    sid       = "MakeTheVpc"
    actions   = ["ec2:CreateVpc"]
    resources = ["${local.ec2}:vpc/*"]

    condition {
      test     = "StringEquals"
      variable = "aws:RequestTag/${local.tag}"
      values   = [var.name]
    }
  }

  # Not vpc/*: a tag on what is made does not make the VPC that it is made in the platform's.
  statement {
    sid = "MakeTheNetwork"
    actions = [
      "ec2:CreateInternetGateway",
      "ec2:CreateLaunchTemplate",
      "ec2:CreateRouteTable",
      "ec2:CreateSecurityGroup",
      "ec2:CreateSubnet",
      "ec2:CreateVpcEndpoint",
    ]
    resources = [
      "${local.ec2}:internet-gateway/*",
      "${local.ec2}:launch-template/*",
      "${local.ec2}:route-table/*",
      "${local.ec2}:security-group/*",
      "${local.ec2}:subnet/*",
      "${local.ec2}:vpc-endpoint/*",
    ]

    condition {
      test     = "StringEquals"
      variable = "aws:RequestTag/${local.tag}"
      values   = [var.name]
    }
  }

  statement {
    sid = "ChangeAndRemoveTheNetwork"
    actions = [
      "ec2:AssociateRouteTable",
      "ec2:AttachInternetGateway",
      "ec2:AuthorizeSecurityGroupEgress",
      "ec2:CreateLaunchTemplateVersion",
      "ec2:CreateRoute",
      "ec2:CreateRouteTable",
      "ec2:CreateSecurityGroup",
      "ec2:CreateSubnet",
      "ec2:CreateTags",
      "ec2:CreateVpcEndpoint",
      "ec2:DeleteInternetGateway",
      "ec2:DeleteLaunchTemplate",
      "ec2:DeleteRouteTable",
      "ec2:DeleteSecurityGroup",
      "ec2:DeleteSubnet",
      "ec2:DeleteVolume",
      "ec2:DeleteVpc",
      "ec2:DeleteVpcEndpoints",
      "ec2:DescribeVpcAttribute",
      "ec2:DetachInternetGateway",
      "ec2:DisassociateRouteTable",
      "ec2:ModifyLaunchTemplate",
      "ec2:ModifySubnetAttribute",
      "ec2:ModifyVpcAttribute",
      "ec2:RevokeSecurityGroupEgress",
      "ec2:RevokeSecurityGroupIngress",
      "ec2:TerminateInstances",
    ]
    resources = ["${local.ec2}:*"]

    condition {
      test     = "StringEquals"
      variable = "aws:ResourceTag/${local.tag}"
      values   = [var.name]
    }
  }

  # A new rule has no tag; the group that it is for has, and is asked for above.
  statement {
    sid       = "WriteSecurityGroupRules"
    actions   = ["ec2:AuthorizeSecurityGroupEgress"]
    resources = ["${local.ec2}:security-group-rule/*"]
  }

  statement {
    sid       = "TagWhatIsMade"
    actions   = ["ec2:CreateTags"]
    resources = ["${local.ec2}:*"]

    condition {
      test     = "StringLike"
      variable = "ec2:CreateAction"
      values   = ["Create*"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:RequestTag/${local.tag}"
      values   = [var.name]
    }
  }

  # A VPC comes with a default security group without a tag, which Terraform empties. Groups of other platforms have one.
  statement {
    sid       = "TagTheDefaultSecurityGroup"
    actions   = ["ec2:CreateTags"]
    resources = ["${local.ec2}:security-group/*"]

    condition {
      test     = "Null"
      variable = "aws:ResourceTag/${local.tag}"
      values   = ["true"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:RequestTag/${local.tag}"
      values   = [var.name]
    }
  }
}
