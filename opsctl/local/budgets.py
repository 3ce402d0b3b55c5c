"""moto's AWS Budgets with the calls that Terraform makes, and with AWS's limits.

moto 5.2.5 has no UpdateBudget, no subscribers of a notification and no tags, ends with an error of its own where a
budget is missing, and takes what AWS refuses: a name with a colon, an amount that is no number, an eleventh address, a
notification that is there already.
"""

from __future__ import annotations

import json
import re
from typing import Any

import moto.budgets.urls as urls
from moto.budgets.exceptions import DuplicateRecordException, NotFoundException
from moto.budgets.models import Budget, BudgetsBackend, Notification
from moto.budgets.responses import BudgetsResponse
from moto.core.exceptions import JsonRESTError

# Patterns and limits of botocore's model of the service (budgets 2016-10-20). The limits of addresses are the
# reference's: "A notification can have one SNS subscriber and up to 10 email subscribers" (API_budgets_Subscriber).
_NAME = re.compile(r"[^:\\]{1,100}")
_AMOUNT = re.compile(r"([0-9]*\.)?[0-9]+")
_EMAIL = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")
_MOST = {"EMAIL": 10, "SNS": 1}
_MOST_NOTIFICATIONS = 10
#: What makes two notifications the same; AWS adds a state to what it returns.
_IDENTITY = ("NotificationType", "ComparisonOperator", "Threshold", "ThresholdType")

Shape = dict[str, Any]


class LocalBudgetsResponse(BudgetsResponse):
    """The calls of AWS Budgets."""

    def create_budget(self) -> str:
        """Create a budget, with its notifications and tags."""
        budget = self._get_param("Budget")
        _check_budget(budget)
        notifications = self._get_param("NotificationsWithSubscribers", [])
        for notification in notifications:
            _check_subscribers(notification["Subscribers"])
        self.backend.create_budget(self._account, budget, notifications)
        self._budget(budget["BudgetName"]).budget_tags = _tags(self._get_param("ResourceTags", []))  # type: ignore[attr-defined]
        return "{}"

    def update_budget(self) -> str:
        """Replace a budget's settings; its notifications and tags stay."""
        budget = self._get_param("NewBudget")
        _check_budget(budget)
        stored = self._budget(budget["BudgetName"])
        stored.budget = {**stored.budget, **budget}
        return "{}"

    def create_notification(self) -> str:
        """Add a notification to a budget."""
        budget, notification = self._budget(self._get_param("BudgetName")), self._get_param("Notification")
        subscribers = self._get_param("Subscribers")
        if len(budget.notifications) >= _MOST_NOTIFICATIONS:
            raise _limit_exceeded(f"a budget has at most {_MOST_NOTIFICATIONS} notifications")
        _check_subscribers(subscribers)
        if any(_identity(each.details) == _identity(notification) for each in budget.notifications):
            raise DuplicateRecordException("notification", budget.budget["BudgetName"])
        budget.add_notification(notification, subscribers)
        return "{}"

    def delete_notification(self) -> str:
        """Remove a notification from a budget."""
        budget = self._budget(self._get_param("BudgetName"))
        budget.notifications.remove(self._notification(budget))
        return "{}"

    def describe_notifications_for_budget(self) -> str:
        """The notifications of a budget."""
        budget = self._budget(self._get_param("BudgetName"))
        return json.dumps({"Notifications": [each.details for each in budget.notifications]})

    def describe_subscribers_for_notification(self) -> str:
        """Who gets a notification."""
        notification = self._notification(self._budget(self._get_param("BudgetName")))
        return json.dumps({"Subscribers": notification.subscribers})

    def list_tags_for_resource(self) -> str:
        """The tags of a budget."""
        tags = self._tags_of_resource()
        return json.dumps({"ResourceTags": [{"Key": key, "Value": value} for key, value in tags.items()]})

    def tag_resource(self) -> str:
        """Add tags to a budget."""
        self._tags_of_resource().update(_tags(self._get_param("ResourceTags")))
        return "{}"

    def untag_resource(self) -> str:
        """Remove tags from a budget."""
        tags = self._tags_of_resource()
        for key in self._get_param("ResourceTagKeys"):
            tags.pop(key, None)
        return "{}"

    @property
    def _account(self) -> str:
        account: str = self._get_param("AccountId") or self.current_account
        return account

    def _budget(self, name: str) -> Budget:
        backend: BudgetsBackend = self.backend
        budget = backend.budgets[self._account].get(name)
        if budget is None:
            raise NotFoundException(f"Unable to get budget: {name} - the budget doesn't exist.")
        return budget

    def _notification(self, budget: Budget) -> Notification:
        identity = _identity(self._get_param("Notification"))
        for notification in budget.notifications:
            if _identity(notification.details) == identity:
                return notification
        raise NotFoundException(f"Unable to find the notification of {budget.budget['BudgetName']}.")

    def _tags_of_resource(self) -> dict[str, str]:
        # arn:aws:budgets::ACCOUNT:budget/NAME
        budget = self._budget(self._get_param("ResourceARN").partition(":budget/")[2])
        tags: dict[str, str] = budget.__dict__.setdefault("budget_tags", {})
        return tags


def _check_budget(budget: Shape) -> None:
    if not _NAME.fullmatch(budget["BudgetName"]):
        raise _invalid(f"the name {budget['BudgetName']!r} has a colon or a backslash, or is too long")
    limit = budget.get("BudgetLimit")
    if limit is not None and not _AMOUNT.fullmatch(limit["Amount"]):
        raise _invalid(f"the amount {limit['Amount']!r} is not a number")
    if limit is not None and budget["BudgetType"] == "COST" and limit["Unit"] != "USD":
        raise _invalid(f"the unit of a cost budget is USD, not {limit['Unit']!r}")


def _check_subscribers(subscribers: list[Shape]) -> None:
    if not subscribers:
        raise _invalid("a notification needs a subscriber")
    for kind, most in _MOST.items():
        if sum(each["SubscriptionType"] == kind for each in subscribers) > most:
            raise _limit_exceeded(f"a notification has at most {most} {kind} subscribers")
    addresses = [each["Address"] for each in subscribers if each["SubscriptionType"] == "EMAIL"]
    if any(not _EMAIL.fullmatch(address) for address in addresses):
        raise _invalid("a subscriber's address is no mail address")


def _identity(notification: Shape) -> tuple[Any, ...]:
    # AWS takes a percentage where nothing is said.
    return tuple({"ThresholdType": "PERCENTAGE", **notification}[name] for name in _IDENTITY)


def _tags(tags: list[Shape]) -> dict[str, str]:
    if any(tag["Key"].startswith("aws:") for tag in tags):
        raise _invalid("tags that begin with aws: are AWS's own")
    return {tag["Key"]: tag["Value"] for tag in tags}


def _invalid(why: str) -> JsonRESTError:
    return JsonRESTError("InvalidParameterException", f"Unable to create/update budget - {why}.")


def _limit_exceeded(why: str) -> JsonRESTError:
    return JsonRESTError("CreationLimitExceededException", f"Unable to create notification - {why}.")


def install() -> None:
    """Replace moto's class by this one. To be called before moto's application is created."""
    urls.url_paths["{0}/$"] = LocalBudgetsResponse.dispatch
