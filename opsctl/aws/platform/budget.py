"""What AWS Budgets says of a platform's monthly budget."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from opsctl.aws.errors import code_of, translated
from opsctl.core.platform.monthly_budget import MonthSpend


def month_spend(client: Any, *, account_id: str, name: str) -> MonthSpend | None:
    """What AWS has counted this month; None where there is no such budget.

    Raises
    ------
    Problem
        When AWS does not answer, or does not permit it (`budgets:ViewBudget`).
    """
    with translated("reading the monthly budget"):
        try:
            budget = client.describe_budget(AccountId=account_id, BudgetName=name)["Budget"]
        except ClientError as error:
            if code_of(error) == "NotFoundException":
                return None
            raise
    spent = budget.get("CalculatedSpend", {}).get("ActualSpend", {}).get("Amount", "0")
    return MonthSpend(limit_usd=float(budget["BudgetLimit"]["Amount"]), spent_usd=float(spent))
