"""The option `--monthly-budget`: its amounts, what it needs, and what is said of it."""

from __future__ import annotations

from typing import Any

import pytest

from opsctl.core.errors import UsageProblem
from opsctl.core.platform.monthly_budget import MonthSpend, budget_note, check_emails, typed_amount
from opsctl.core.platform.options import PlatformOptions, as_arguments, override_options, typed_options

OPTIONS = PlatformOptions(name="m2g", region="eu-west-1", account_id="123456789012")
NOT_TYPED: dict[str, Any] = {"data_bucket": None, "source_buckets": None, "image": None, "spot": None}


@pytest.mark.parametrize("text", ["1", "200", "0.01", "180.5", "180.50", "999999999", "007"])
def test_an_amount_is_kept_as_it_was_typed(text: str) -> None:
    options = OPTIONS.with_options(typed_options(**NOT_TYPED, monthly_budget=text))
    assert options.platform_variables()["monthly_budget"] == float(text)
    assert as_arguments(options.non_defaults) == [f"--monthly-budget {text}"]


@pytest.mark.parametrize("text", ["none", "default"])
def test_it_can_be_taken_back(text: str) -> None:
    typed = typed_options(**NOT_TYPED, monthly_budget=text)
    options = OPTIONS.with_options(override_options({"monthly_budget": "200"}, typed, {}))
    assert options.platform_variables()["monthly_budget"] is None
    assert as_arguments(options.non_defaults) == []


@pytest.mark.parametrize(
    "text",
    ["0", "0.00", "-5", "+5", "$200", "200 USD", "1e3", "1,000", "12.345", "nan", "inf", "", ".5", "5.", "9" * 10],
)
def test_what_is_no_amount_is_refused_by_name(text: str) -> None:
    with pytest.raises(UsageProblem, match="--monthly-budget"):
        typed_amount(text)


@pytest.mark.parametrize(("count", "is_fine"), [(0, False), (1, True), (10, True), (11, False)])
def test_aws_budgets_tells_one_to_ten_addresses(count: int, is_fine: bool) -> None:
    emails = [f"someone-{number}@lab.org" for number in range(count)]
    options = OPTIONS.with_options({"monthly_budget": "200", "notify_emails": emails})
    if is_fine:
        check_emails(options)
    else:
        with pytest.raises(UsageProblem, match="--monthly-budget 200") as raised:
            check_emails(options)
        assert "--notify-email" in raised.value.hint
        assert not any(email in str(raised.value) for email in emails)
    check_emails(OPTIONS.with_options({"notify_emails": emails}))


def test_the_budgets_name_has_the_region_because_budgets_belong_to_the_account() -> None:
    assert OPTIONS.budget_name == "opsctl-m2g-eu-west-1-monthly"
    assert OPTIONS.with_options({"name_prefix": "lab-"}).budget_name == "lab-opsctl-m2g-eu-west-1-monthly"


def test_what_up_says_names_the_amount_the_delay_and_the_tag() -> None:
    said = budget_note(1234.5)
    for part in ("$1,234.50 a month", "80 %", "8 to 12 hours old", "nothing is stopped", "opsctl:platform"):
        assert part in said


def test_the_figure_of_a_month_says_whose_and_how_old_it_is() -> None:
    assert MonthSpend(200.0, 63.2).text == "$63.20 of $200.00 this month by AWS's figures, 8 to 12 hours old."
