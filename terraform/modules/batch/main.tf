# One compute environment, queue and job definition a model; launch template and log group are shared.

data "aws_region" "current" {}
