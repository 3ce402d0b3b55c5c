"""What a run will have cost when it is over: what was spent, what its active scans still cost, and who waits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from opsctl.core.costs.estimate import Hours, Rates
from opsctl.core.costs.money import Money, band_json, estimated
from opsctl.core.runs.state import DailyState, daily_state

if TYPE_CHECKING:
    from opsctl.core.runs.snapshot import RunSnapshot

#: What no forecast includes; shown beside every one.
NOT_FORECAST = "without further attempts of scans that lose their instance or fail, and without scans that run again"


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """What the jobs that a run submits will have cost when all have ended.

    Attributes
    ----------
    spent_usd
        So far: the sum of `opsctl cost`.
    low_usd, usd, high_usd
        At the end, if the last attempt of each active scan takes as long as a short, a middle or a long scan.
    ended, running, waiting
        How many scans have ended, run or start, and wait or are being submitted.
    basis
        Where the scans' times come from, in words.
    """

    spent_usd: float
    low_usd: float
    usd: float
    high_usd: float
    ended: int
    running: int
    waiting: int
    basis: str
    is_complete: bool
    is_upper_bound: bool

    @property
    def scans(self) -> int:
        """How many scans the run submits."""
        return self.ended + self.running + self.waiting

    def money(self, *, is_local: bool) -> Money:
        """The middle, with what it stands for."""
        return estimated(
            self.usd,
            is_local=is_local,
            is_complete=self.is_complete,
            is_upper_bound=self.is_upper_bound and bool(self.running or self.waiting),
        )

    def as_json(self, *, is_local: bool) -> dict[str, Any]:
        """`forecast` in `cost --forecast --json`."""
        return {
            **self.money(is_local=is_local).as_json(),
            "usd_band": band_json(self.low_usd, self.usd, self.high_usd),
            "usd_so_far": round(self.spent_usd, 4),
            "ended_scans": self.ended,
            "running_scans": self.running,
            "waiting_scans": self.waiting,
            "complete": self.is_complete,
            "basis": self.basis.split("; "),
            "not_included": NOT_FORECAST,
        }


def forecast(snapshot: RunSnapshot, rates: Rates, hours: Hours) -> Forecast:
    """What a run will have cost at its end.

    Parameters
    ----------
    snapshot
        That shows every scan one by one.
    hours
        How long a scan takes: what the estimate of `opsctl run` uses as well.
    """
    own_bill, active = snapshot.bill(rates), snapshot.own_active
    over = set(snapshot.scans) - set(active)

    def at_the_end(hours_per_scan: float) -> float:
        return own_bill.usd + snapshot.outstanding_usd(rates, own_bill, active, hours_per_scan=hours_per_scan)

    states = [daily_state(snapshot.scans[index].state) for index in active]
    waiting = sum(state is DailyState.WAITING for state in states)
    parts = [hours.source, hours.band_source] if active else ["all jobs of the run have ended"]
    return Forecast(
        spent_usd=own_bill.usd,
        low_usd=at_the_end(0.0 if hours.is_upper_bound else hours.short),
        usd=at_the_end(hours.per_scan),
        high_usd=at_the_end(hours.per_scan if hours.is_upper_bound else hours.long),
        # A scan that was never submitted, because the budget was reached, has not ended.
        ended=sum(index < snapshot.run.submitted_count and snapshot.scans[index].is_submitted for index in over),
        running=len(active) - waiting,
        waiting=waiting,
        basis="; ".join(filter(None, [*parts, own_bill.basis])),
        is_complete=own_bill.is_complete,
        is_upper_bound=hours.is_upper_bound,
    )
