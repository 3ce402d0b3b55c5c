"""The local platform's AWS Budgets: the calls that Terraform makes, and what AWS refuses."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from support.local_aws import running

ACCOUNT = "123456789012"
NOTICE = {"NotificationType": "ACTUAL", "ComparisonOperator": "GREATER_THAN", "Threshold": 80.0}
WHOLE = {**NOTICE, "ThresholdType": "PERCENTAGE"}


@pytest.fixture(scope="module")
def budgets(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with running(tmp_path_factory.mktemp("budgets")) as aws:
        yield aws.client("budgets")


@pytest.fixture
def name(budgets: Any, request: pytest.FixtureRequest) -> str:
    """A budget of the test's own."""
    budgets.create_budget(AccountId=ACCOUNT, Budget=budget(request.node.name), ResourceTags=[tag("lab", "neuro")])
    return str(request.node.name)


def budget(name: str, *, amount: str = "200", unit: str = "USD") -> dict[str, Any]:
    limit = {"Amount": amount, "Unit": unit}
    return {"BudgetName": name, "BudgetType": "COST", "TimeUnit": "MONTHLY", "BudgetLimit": limit}


def tag(key: str, value: str) -> dict[str, str]:
    return {"Key": key, "Value": value}


def mails(count: int) -> list[dict[str, str]]:
    return [{"SubscriptionType": "EMAIL", "Address": f"a{number}@lab.org"} for number in range(count)]


@contextlib.contextmanager
def refused(code: str) -> Iterator[None]:
    with pytest.raises(ClientError) as raised:
        yield
    assert raised.value.response["Error"]["Code"] == code


def notify(budgets: Any, name: str, notification: dict[str, Any], subscribers: list[dict[str, str]]) -> None:
    budgets.create_notification(AccountId=ACCOUNT, BudgetName=name, Notification=notification, Subscribers=subscribers)


def test_a_changed_budget_keeps_its_notifications_and_tags(budgets: Any, name: str) -> None:
    notify(budgets, name, NOTICE, mails(2))
    budgets.update_budget(AccountId=ACCOUNT, NewBudget=budget(name, amount="350.5"))
    of = {"AccountId": ACCOUNT, "BudgetName": name}
    assert budgets.describe_budget(**of)["Budget"]["BudgetLimit"]["Amount"] == "350.5"
    assert len(budgets.describe_notifications_for_budget(**of)["Notifications"]) == 1
    # AWS takes a percentage where no kind is named.
    assert budgets.describe_subscribers_for_notification(**of, Notification=WHOLE)["Subscribers"] == mails(2)
    budgets.delete_notification(**of, Notification=WHOLE)
    assert budgets.describe_notifications_for_budget(**of)["Notifications"] == []
    arn = f"arn:aws:budgets::{ACCOUNT}:budget/{name}"
    budgets.tag_resource(ResourceARN=arn, ResourceTags=[tag("b", "2")])
    budgets.untag_resource(ResourceARN=arn, ResourceTagKeys=["lab", "none"])
    assert budgets.list_tags_for_resource(ResourceARN=arn)["ResourceTags"] == [tag("b", "2")]


@pytest.mark.parametrize(
    "wrong",
    [budget("a:b"), budget("a\\b"), budget("n" * 101), budget("a", amount="-1"), budget("a", amount="many"),
     budget("a", unit="GB")],
)  # fmt: skip
def test_a_budget_that_aws_refuses(budgets: Any, wrong: dict[str, Any]) -> None:
    with refused("InvalidParameterException"):
        budgets.create_budget(AccountId=ACCOUNT, Budget=wrong)


def test_a_second_budget_of_the_name_and_a_second_notification_are_refused(budgets: Any, name: str) -> None:
    with refused("DuplicateRecordException"):
        budgets.create_budget(AccountId=ACCOUNT, Budget=budget(name))
    notify(budgets, name, NOTICE, mails(1))
    with refused("DuplicateRecordException"):
        notify(budgets, name, WHOLE, mails(2))


def test_at_most_ten_addresses_and_ten_notifications(budgets: Any, name: str) -> None:
    with refused("CreationLimitExceededException"):
        notify(budgets, name, NOTICE, mails(11))
    with refused("InvalidParameterException"):
        notify(budgets, name, NOTICE, [{"SubscriptionType": "EMAIL", "Address": "nobody"}])
    for number in range(10):
        notify(budgets, name, {**NOTICE, "Threshold": float(number + 1)}, mails(10))
    with refused("CreationLimitExceededException"):
        notify(budgets, name, {**NOTICE, "Threshold": 99.0}, mails(1))


def test_what_does_not_exist_is_not_found(budgets: Any, name: str) -> None:
    nothing = {"AccountId": ACCOUNT, "BudgetName": "nothing"}
    for call in (
        lambda: budgets.describe_budget(**nothing),
        lambda: budgets.describe_notifications_for_budget(**nothing),
        lambda: budgets.delete_budget(**nothing),
        lambda: budgets.update_budget(AccountId=ACCOUNT, NewBudget=budget("nothing")),
        lambda: budgets.list_tags_for_resource(ResourceARN=f"arn:aws:budgets::{ACCOUNT}:budget/nothing"),
        lambda: notify(budgets, "nothing", NOTICE, mails(1)),
        lambda: budgets.delete_notification(AccountId=ACCOUNT, BudgetName=name, Notification=NOTICE),
    ):
        with refused("NotFoundException"):
            call()
