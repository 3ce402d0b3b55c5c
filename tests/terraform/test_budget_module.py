"""The budget of `up --monthly-budget`, by the real Terraform and provider: made, changed, taken away."""

from __future__ import annotations

from typing import Any

import pytest
from support.local_aws import Aws
from support.policy_files import document
from support.real_terraform import Terraform

NEEDS_AWS = True

ACCOUNT, NAME = "123456789012", "opsctl-m2g-eu-west-1-monthly"
_CONFIGURATION = """
provider "aws" {
  region = "eu-west-1"
  default_tags {
    tags = { "opsctl:platform" = "m2g" }
  }
}

variable "usd" { type = number }
variable "emails" { type = list(string) }

module "budget" {
  source   = "../modules/budget"
  prefix   = "opsctl-m2g"
  platform = "m2g"
  region   = "eu-west-1"
  usd      = var.usd
  emails   = var.emails
}
"""


class Budgets:
    """Terraform with the module, and what AWS then has."""

    def __init__(self, terraform: Terraform, aws: Aws) -> None:
        self._terraform = terraform
        self._client = aws.client("budgets")
        root = terraform.tree / "budget"
        root.mkdir()
        (root / "main.tf").write_text(_CONFIGURATION)
        terraform.init("budget")

    def terraform(self, verb: str, usd: float, *emails: str, accept: tuple[int, ...] = (0,)) -> int:
        variables = (f"-var=usd={usd}", f"-var=emails={list(emails)}".replace("'", '"'))
        arguments = ("-detailed-exitcode",) if verb == "plan" else ("-auto-approve",)
        return self._terraform.run("budget", verb, "-input=false", *arguments, *variables, accept=accept).returncode

    @property
    def budget(self) -> dict[str, Any]:
        return self._client.describe_budget(AccountId=ACCOUNT, BudgetName=NAME)["Budget"]  # type: ignore[no-any-return]

    @property
    def notifications(self) -> dict[tuple[str, float], set[str]]:
        """Who is told, by kind and percentage."""
        of: dict[str, Any] = {"AccountId": ACCOUNT, "BudgetName": NAME}
        addresses = {}
        for notification in self._client.describe_notifications_for_budget(**of)["Notifications"]:
            reply = self._client.describe_subscribers_for_notification(**of, Notification=notification)
            assert notification["ThresholdType"] == "PERCENTAGE"
            addresses[notification["NotificationType"], notification["Threshold"]] = {
                subscriber["Address"] for subscriber in reply["Subscribers"]
            }
        return addresses

    @property
    def tags(self) -> dict[str, str]:
        arn = f"arn:aws:budgets::{ACCOUNT}:budget/{NAME}"
        return {
            tag["Key"]: tag["Value"] for tag in self._client.list_tags_for_resource(ResourceARN=arn)["ResourceTags"]
        }

    @property
    def names(self) -> list[str]:
        return [each["BudgetName"] for each in self._client.describe_budgets(AccountId=ACCOUNT)["Budgets"]]


@pytest.mark.timeout(600)
def test_a_budget_comes_changes_and_goes(terraform: Terraform, aws: Aws) -> None:
    budgets = Budgets(terraform, aws)
    budgets.terraform("apply", 180.5, "a@lab.org", "b@lab.org")
    budget = budgets.budget
    assert float(budget["BudgetLimit"]["Amount"]) == 180.5
    assert (budget["BudgetLimit"]["Unit"], budget["BudgetType"], budget["TimeUnit"]) == ("USD", "COST", "MONTHLY")
    # A tag's key in a filter begins with its kind, and `$` separates its value.
    assert budget["CostFilters"] == {"TagKeyValue": ["user:opsctl:platform$m2g"], "Region": ["eu-west-1"]}
    both = {"a@lab.org", "b@lab.org"}
    assert budgets.notifications == {("ACTUAL", 80.0): both, ("ACTUAL", 100.0): both, ("FORECASTED", 100.0): both}
    assert budgets.tags == {"opsctl:platform": "m2g"}
    assert budgets.terraform("plan", 180.5, "a@lab.org", "b@lab.org", accept=(0, 2)) == 0

    budgets.terraform("apply", 200, "c@lab.org")
    assert float(budgets.budget["BudgetLimit"]["Amount"]) == 200.0
    assert set(map(frozenset, budgets.notifications.values())) == {frozenset({"c@lab.org"})}
    assert len(budgets.notifications) == 3
    assert budgets.terraform("plan", 200, "c@lab.org", accept=(0, 2)) == 0

    budgets.terraform("destroy", 200, "c@lab.org")
    assert budgets.names == []


def test_the_policy_is_about_the_budget_of_this_name() -> None:
    values = {"NAME": "m2g", "ACCOUNT": ACCOUNT, "REGION": "eu-west-1"}
    (statement,) = document("up-budget", **values)["Statement"]
    assert statement["Resource"] == f"arn:aws:budgets::{ACCOUNT}:budget/{NAME}"
