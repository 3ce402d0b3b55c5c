# What an instance may do: register with ECS, pull the image, send log lines.

data "aws_iam_policy_document" "instance_trust" {
  # EC2 sends no aws:SourceAccount when an instance profile assumes its role, so a condition would lock every instance out.
  statement {
    sid     = "InstancesOfThisAccount"
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["ec2.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "instance" {
  name               = "${var.prefix}-instance"
  description        = "opsctl: the platform's instances join ECS, pull the image and write logs"
  assume_role_policy = data.aws_iam_policy_document.instance_trust.json
}

resource "aws_iam_role_policy_attachment" "instance" {
  role       = aws_iam_role.instance.name
  policy_arn = "${local.managed_policies}/AmazonEC2ContainerServiceforEC2Role"
}

# AWS's policy lets an instance pull every image of the account. Jobs share their instance's network (Batch on EC2 knows
# only host mode), so what the instance may do, a job can do as well: here it is narrowed to the one repository.
data "aws_iam_policy_document" "instance" {
  statement {
    sid           = "DenyOtherRepositories"
    effect        = "Deny"
    actions       = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    not_resources = [var.repository_arn]
  }
}

resource "aws_iam_role_policy" "instance" {
  name   = "one-repository"
  role   = aws_iam_role.instance.id
  policy = data.aws_iam_policy_document.instance.json
}

resource "aws_iam_instance_profile" "instance" {
  name = "${var.prefix}-instance"
  role = aws_iam_role.instance.name
}
