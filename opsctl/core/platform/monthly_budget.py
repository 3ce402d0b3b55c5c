"""The monthly budget of `up --monthly-budget`: what may be typed, what it needs, and what AWS says of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from opsctl.core.costs.estimate import usd_text
from opsctl.core.errors import UsageProblem

if TYPE_CHECKING:
    from opsctl.core.platform.options import PlatformOptions

NONE = "none"
#: AWS Budgets sends a notification to at most so many addresses.
MOST_EMAILS = 10
#: The budget's address in the platform root.
BUDGET_ADDRESS = "module.budget[0].aws_budgets_budget.monthly"
#: AWS Budgets updates what was spent up to three times a day.
DELAY = "8 to 12 hours"
#: What makes AWS count anything; the page says how.
ACTIVATE_TAG = (
    "It counts nothing before the tag opsctl:platform is active as a cost allocation tag, which is done once for the"
    " account, in its Billing console (docs/cost.md)."
)

#: Dollars and cents, as the variable's rule in terraform/platform allows them.
_AMOUNT = re.compile(r"0*[0-9]{1,9}(\.[0-9]{1,2})?")


@dataclass(frozen=True)
class MonthSpend:
    """What AWS Budgets says of the current month.

    Attributes
    ----------
    limit_usd
        The budget.
    spent_usd
        What AWS has counted so far.
    """

    limit_usd: float
    spent_usd: float

    @property
    def text(self) -> str:
        """The same in words."""
        return f"{usd_text(self.spent_usd)} of {usd_text(self.limit_usd)} this month by AWS's figures, {DELAY} old."


def typed_amount(text: str) -> str | None:
    """The amount that was typed; None for `none`.

    Raises
    ------
    UsageProblem
        If it is no amount above 0.
    """
    if text in (NONE, "default"):
        return None
    if not _AMOUNT.fullmatch(text) or float(text) == 0:
        raise UsageProblem(
            f"--monthly-budget {text}: it must be an amount of USD above 0, such as 200 or 180.50;"
            " `none` takes it back."
        )
    return text


def check_emails(options: PlatformOptions) -> None:
    """Ensure that there is somebody to tell of the budget.

    Raises
    ------
    UsageProblem
        If there are no addresses, or more than AWS Budgets takes.
    """
    if options.monthly_budget is None:
        return
    budget = f"--monthly-budget {options.monthly_budget}"
    if not options.notify_emails:
        raise UsageProblem(
            f"{budget} needs somebody to tell: AWS sends mail and stops nothing.",
            "Add --notify-email ADDRESS, or take the budget back with --monthly-budget none.",
        )
    if len(options.notify_emails) > MOST_EMAILS:
        raise UsageProblem(
            f"{budget}: AWS Budgets sends mail to at most {MOST_EMAILS} addresses, and there are"
            f" {len(options.notify_emails)}.",
            "Type --notify-email for at most ten, such as the address of a list.",
        )


def budget_note(usd: float) -> str:
    """What `up` says of the budget once it stands."""
    return (
        f"AWS sends mail at 80 % and 100 % of {usd_text(usd)} a month, and when it expects more than 100 %. Its figures"
        f" are {DELAY} old, and nothing is stopped. {ACTIVATE_TAG}"
    )
