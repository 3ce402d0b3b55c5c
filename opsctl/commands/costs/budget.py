"""`--max-spend`: what the scans of an output location have cost so far, and whether more may be submitted."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from opsctl.core.costs.estimate import Estimate, Rates, about_text, usd_text
from opsctl.core.counted import counted, counted_verb
from opsctl.core.errors import ErrorCode, Problem
from opsctl.core.runs.snapshot import RunSnapshot

_POLL_SECONDS = 5.0


@dataclass(frozen=True)
class Spending:
    """What the scans of several runs cost.

    Attributes
    ----------
    usd
        What their attempts have cost; a scan in flight counts with its whole estimate.
    in_flight
        How many scans are in flight.
    """

    usd: float
    in_flight: int


def spending(snapshots: Iterable[RunSnapshot], *, rates: Rates, usd_per_scan: float) -> Spending:
    """What the scans that these runs submitted have cost and will cost."""
    usd, in_flight = 0.0, 0
    for snapshot in snapshots:
        own = snapshot.run.submitted_count
        active = {index for index in snapshot.active if index < own and snapshot.scans[index].is_submitted}
        by_scan = snapshot.bill(rates).by_scan
        usd += sum(scan_bill.usd for index, scan_bill in by_scan.items() if index not in active)
        usd += sum(max(usd_per_scan, by_scan[index].usd if index in by_scan else 0.0) for index in active)
        in_flight += len(active)
    return Spending(usd=usd, in_flight=in_flight)


class Budget:
    """Admits submissions while their estimated cost stays below the limit.

    Scans are submitted in portions, and no more are in flight than the compute environment runs at once: submitted
    scans must be paid for, and their cost is known only afterwards.

    Parameters
    ----------
    limit_usd
        `--max-spend`.
    asked
        Returns what the scans have cost so far.
    at_once
        How many scans run at the same time.
    on_wait
        Called with a message that says what is waited for.
    """

    def __init__(
        self,
        limit_usd: float,
        *,
        estimate: Estimate,
        current_spending: Callable[[], Spending],
        at_once: int,
        sleep: Callable[[float], None],
        on_wait: Callable[[str], None],
    ) -> None:
        self._limit_usd = limit_usd
        self._usd_per_scan = estimate.usd_per_scan
        self._is_complete = estimate.is_complete
        self._asked = current_spending
        self._at_once = at_once
        self._sleep = sleep
        self._on_wait = on_wait

    @property
    def portion(self) -> int:
        """The largest number of scans in one submission: half of what runs at once, so that no instance is idle."""
        return max(1, self._at_once // 2)

    def ensure(self, count: int) -> None:
        """Wait until `count` more scans can run at once, and ensure that the budget allows them.

        Raises
        ------
        Problem
            When the running total would exceed the budget.
        """
        while (current := self._asked()).in_flight + count > self._at_once and current.in_flight:
            in_flight = counted_verb(current.in_flight, "scan")
            self._on_wait(f"{in_flight} in progress: the next {count:,} follow when there is room")
            self._sleep(_POLL_SECONDS)
        self.ensure_affordable(current.usd, count)

    def ensure_affordable(self, so_far_usd: float, count: int) -> None:
        """Ensure that the budget allows `count` more scans.

        Raises
        ------
        Problem
            When the running total would exceed the budget, or the price is not known.
        """
        if not self._is_complete:
            raise Problem(
                "The price of this platform's instances is not known, so --max-spend cannot be kept.",
                "Leave it out, or let opsctl ask AWS's price list (pricing:GetProducts).",
                code=ErrorCode.BUDGET_REACHED,
            )
        more = count * self._usd_per_scan
        if so_far_usd + more > self._limit_usd:
            fits = max(0, int((self._limit_usd - so_far_usd) / self._usd_per_scan)) if self._usd_per_scan else 0
            spent = f"{usd_text(so_far_usd)} spent or committed, and " if so_far_usd else ""
            scans = f"{counted(count, 'scan')}{' more' if so_far_usd else ''}"
            fit = counted_verb(fits, "scan", singular="fits", plural="fit")
            raise Problem(
                f"{spent}{scans} at {about_text(more)}: above --max-spend {self._limit_usd:g}.",
                f"About {fit} (`--first {fits}`), or allow more." if fits else "Allow more.",
                code=ErrorCode.BUDGET_REACHED,
            )
