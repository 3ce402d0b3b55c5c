# One compute environment, queue and job definition for each model. The launch template and the log group are shared.

data "aws_region" "current" {}
