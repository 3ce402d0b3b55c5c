"""What several settings cost together, before one question."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from opsctl.core.costs.estimate import Estimate, about_text, usd_text
from opsctl.core.costs.money import Money, estimate_money, total
from opsctl.core.counted import counted
from opsctl.core.errors import ErrorCode, Problem


@dataclass(frozen=True, kw_only=True)
class SettingsPrice:
    """The estimates of several settings.

    Attributes
    ----------
    settings
        How many settings have scans to submit.
    shortest_hours, longest_hours
        Wall clock: where each queue works at the same time as the others, and where one waits for the other because
        they share the account's quota.
    """

    settings: int
    scan_count: int
    money: Money
    shortest_hours: float
    longest_hours: float
    is_complete: bool
    is_upper_bound: bool

    def ensure_affordable(self, limit_usd: float, *, spent_usd: float) -> None:
        """Ensure that a budget allows all settings together.

        Parameters
        ----------
        spent_usd
            What the scans of all output locations have cost and will cost without those to submit.

        Raises
        ------
        Problem
            When the sum is above the budget, or a price is not known.
        """
        if not self.is_complete:
            raise Problem(
                "The price of this platform's instances is not known, so --max-spend cannot be kept.",
                "Leave it out, or let opsctl ask AWS's price list (pricing:GetProducts).",
                code=ErrorCode.BUDGET_REACHED,
            )
        if spent_usd + self.money.usd > limit_usd:
            before = f"{usd_text(spent_usd)} spent or committed, and " if spent_usd else ""
            more = f"{counted(self.scan_count, 'scan')}{' more' if spent_usd else ''}"
            raise Problem(
                f"{before}{more} of {counted(self.settings, 'setting')} at {about_text(self.money.usd)}: above"
                f" --max-spend {limit_usd:g}.",
                "Allow more, or choose a smaller --pilot or fewer --settings.",
                code=ErrorCode.BUDGET_REACHED,
            )

    def as_json(self) -> dict[str, Any]:
        """What `run --dry-run --json` prints of it."""
        return {
            "settings": self.settings,
            "scan_count": self.scan_count,
            **self.money.as_json(),
            "complete": self.is_complete,
            "shortest_hours": self.shortest_hours,
            "longest_hours": self.longest_hours,
        }


def settings_price(estimates: Sequence[tuple[str, Estimate]], *, is_local: bool) -> SettingsPrice:
    """Add the estimates of several settings.

    Parameters
    ----------
    estimates
        Of each setting that has scans to submit: the queue of its jobs, and its estimate.
    """
    by_queue: dict[str, float] = defaultdict(float)
    for queue, part in estimates:
        by_queue[queue] += part.wall_hours
    parts = [part for _, part in estimates]
    sums = (estimate_money(part, is_local=is_local) for part in parts)
    return SettingsPrice(
        settings=len(parts),
        scan_count=sum(part.scan_count for part in parts),
        money=total(sums),
        shortest_hours=max(by_queue.values()),
        longest_hours=sum(by_queue.values()),
        is_complete=all(part.is_complete for part in parts),
        is_upper_bound=any(part.is_upper_bound for part in parts),
    )
