"""What AWS has counted of a budget, in AWS's forms."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from opsctl.aws.platform.budget import month_spend
from opsctl.core.errors import ErrorCode, Problem
from opsctl.core.platform.monthly_budget import MonthSpend

NAME, ACCOUNT = "opsctl-m2g-eu-west-1-monthly", "123456789012"
ASKED = {"AccountId": ACCOUNT, "BudgetName": NAME}


@pytest.fixture(scope="module")
def client() -> Any:
    return boto3.client("budgets", region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b")


def described(spent: str | None) -> dict[str, Any]:
    calculated = {} if spent is None else {"CalculatedSpend": {"ActualSpend": {"Amount": spent, "Unit": "USD"}}}
    limit = {"BudgetLimit": {"Amount": "200.0", "Unit": "USD"}}
    return {"Budget": {"BudgetName": NAME, "BudgetType": "COST", "TimeUnit": "MONTHLY", **limit, **calculated}}


@pytest.mark.parametrize(("spent", "usd"), [("63.204", 63.204), ("0.0", 0.0), (None, 0.0)])
def test_what_was_spent_is_read(client: Any, spent: str | None, usd: float) -> None:
    with Stubber(client) as aws:
        aws.add_response("describe_budget", described(spent), ASKED)
        assert month_spend(client, account_id=ACCOUNT, name=NAME) == MonthSpend(200.0, usd)


def test_a_budget_that_is_gone_is_none(client: Any) -> None:
    with Stubber(client) as aws:
        aws.add_client_error("describe_budget", "NotFoundException", expected_params=ASKED)
        assert month_spend(client, account_id=ACCOUNT, name=NAME) is None


def test_what_is_not_permitted_says_so(client: Any) -> None:
    with Stubber(client) as aws:
        aws.add_client_error("describe_budget", "AccessDeniedException", expected_params=ASKED)
        with pytest.raises(Problem) as raised:
            month_spend(client, account_id=ACCOUNT, name=NAME)
    assert raised.value.code == ErrorCode.AWS_DENIED
