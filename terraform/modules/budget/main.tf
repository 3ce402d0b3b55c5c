# What the platform may cost in a month: AWS Budgets sends mail when it costs more. It stops nothing.

locals {
  # AWS Budgets updates what was spent up to three times a day, and forecasts after about five weeks of use.
  thresholds = {
    most_of_it = { type = "ACTUAL", percent = 80 }
    all_of_it  = { type = "ACTUAL", percent = 100 }
    forecast   = { type = "FORECASTED", percent = 100 }
  }
}

resource "aws_budgets_budget" "monthly" {
  # Budgets belong to an account, not to a region: the region in the name separates two platforms of the same name.
  name         = "${var.prefix}-${var.region}-monthly"
  budget_type  = "COST"
  time_unit    = "MONTHLY"
  limit_amount = tostring(var.usd)
  limit_unit   = "USD"

  # It counts nothing before `opsctl:platform` is an active cost allocation tag of the account.
  cost_filter {
    name   = "TagKeyValue"
    values = [format("user:opsctl:platform$%s", var.platform)]
  }

  cost_filter {
    name   = "Region"
    values = [var.region]
  }

  dynamic "notification" {
    for_each = local.thresholds

    content {
      notification_type          = notification.value.type
      threshold                  = notification.value.percent
      threshold_type             = "PERCENTAGE"
      comparison_operator        = "GREATER_THAN"
      subscriber_email_addresses = var.emails
    }
  }
}
