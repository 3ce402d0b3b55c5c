"""A sum of money that says whether it was charged, is estimated, or is what AWS would charge."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

from opsctl.core.costs.estimate import Estimate, about_text, usd_text

Bound = Literal["about", "more than", "at most"]


class Truth(StrEnum):
    """What a sum stands for. Every screen and every JSON document uses these words."""

    #: For attempts that ran on AWS, computed from their times.
    CHARGED = "charged"
    #: For jobs that have not run yet, on AWS.
    ESTIMATED = "estimated"
    #: For jobs on this machine, ran or not: nothing is charged.
    AS_AWS = "as AWS would charge"


@dataclass(frozen=True, kw_only=True)
class Money:
    """An amount in USD at AWS's prices.

    Attributes
    ----------
    bound
        `more than` where the instance's price is unknown; `at most` where the scans take less time than is counted.
    """

    usd: float
    truth: Truth
    bound: Bound = "about"

    @property
    def charged_usd(self) -> float | None:
        """What is charged for it; None of an estimate, because nothing has been charged yet."""
        return {Truth.CHARGED: self.usd, Truth.ESTIMATED: None, Truth.AS_AWS: 0.0}[self.truth]

    @property
    def amount(self) -> str:
        """`about $12.30`, `under $0.01`, `more than $12.30`, `at most $12.30`."""
        return about_text(self.usd) if self.bound == "about" else f"{self.bound} {usd_text(self.usd)}"

    @property
    def text(self) -> str:
        """`about $12.30 charged`, `about $12.30 estimated`, `nothing charged; about $12.30 as AWS would charge`."""
        if self.truth is Truth.AS_AWS:
            if not self.usd and self.bound == "about":
                return "nothing charged"
            return f"nothing charged; {self.sum_text}"
        return self.sum_text

    @property
    def sum_text(self) -> str:
        """`about $12.30 charged`, `about $12.30 as AWS would charge`: for a sum within a sentence."""
        return f"{self.amount} {self.truth}"

    def as_json(self) -> dict[str, Any]:
        """The fields of a sum in every `--json`: `usd` is always at AWS's prices, `usd_charged` what is charged."""
        return {"usd": round(self.usd, 4), "usd_is": str(self.truth), "usd_charged": self._rounded_charge}

    @property
    def _rounded_charge(self) -> float | None:
        charged = self.charged_usd
        return None if charged is None else round(charged, 4)


def spent(usd: float, *, is_local: bool, is_complete: bool = True) -> Money:
    """What attempts that ran have cost, on AWS or on the local platform.

    Parameters
    ----------
    is_complete
        False: the instance's price is unknown, and `usd` is a lower bound.
    """
    truth = Truth.AS_AWS if is_local else Truth.CHARGED
    return Money(usd=usd, truth=truth, bound="about" if is_complete else "more than")


def estimated(usd: float, *, is_local: bool, is_complete: bool = True, is_upper_bound: bool = False) -> Money:
    """What jobs that have not run yet will cost, on AWS or on the local platform.

    Parameters
    ----------
    is_complete, is_upper_bound
        See `opsctl.core.costs.estimate.Estimate`; where the price is unknown, the sum is a lower bound.
    """
    truth = Truth.AS_AWS if is_local else Truth.ESTIMATED
    if not is_complete:
        return Money(usd=usd, truth=truth, bound="more than")
    return Money(usd=usd, truth=truth, bound="at most" if is_upper_bound else "about")


def estimate_money(estimate: Estimate, *, is_local: bool) -> Money:
    """The middle of an estimate, with what it stands for."""
    return estimated(
        estimate.usd, is_local=is_local, is_complete=estimate.is_complete, is_upper_bound=estimate.is_upper_bound
    )


def estimate_json(estimate: Estimate, *, is_local: bool) -> dict[str, Any]:
    """`estimate` in `run --dry-run --json`."""
    return {
        **estimate_money(estimate, is_local=is_local).as_json(),
        "usd_band": band_json(estimate.low_usd, estimate.usd, estimate.high_usd),
        "usd_per_scan": round(estimate.usd_per_scan, 5),
        "wall_hours": round(estimate.wall_hours, 4),
        "scan_count": estimate.scan_count,
        "at_once": estimate.at_once,
        "complete": estimate.is_complete,
        "upper_bound": estimate.is_upper_bound,
        "basis": estimate.basis.split("; "),
    }


def band_json(low: float, median: float, high: float) -> dict[str, float]:
    """A band of USD in every `--json`."""
    return {"low": round(low, 4), "median": round(median, 4), "high": round(high, 4)}


def total(sums: Iterable[Money]) -> Money:
    """Several sums that stand for the same, added."""
    parts = list(sums)
    return Money(
        usd=sum(part.usd for part in parts),
        truth=parts[0].truth,
        bound="more than" if any(part.bound == "more than" for part in parts) else parts[0].bound,
    )
