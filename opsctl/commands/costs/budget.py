"""`--max-spend`: what the scans of an output location have cost so far, and whether more may be submitted."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from opsctl.core.costs.estimate import Estimate, Rates, about_text, usd_text
from opsctl.core.costs.reserve import Guarantee, Reserve
from opsctl.core.counted import counted, counted_verb
from opsctl.core.errors import ErrorCode, Problem
from opsctl.core.runs.manifest import Run
from opsctl.core.runs.snapshot import RunSnapshot

_POLL_SECONDS = 5.0
#: One submission is at most this share of what the limit pays for, so that the last one leaves little of it over.
_LARGEST_SHARE = 0.1


@dataclass(frozen=True)
class Spending:
    """What the scans of several runs cost.

    Attributes
    ----------
    usd
        What their attempts have cost, and what is reserved.
    in_flight
        How many scans are in flight.
    reserved_usd
        What of `usd` is reserved: what the scans in flight may cost from now on.
    """

    usd: float
    in_flight: int
    reserved_usd: float = 0.0

    @property
    def spent_usd(self) -> float:
        """What the attempts have cost: the sum that `opsctl cost` shows of the same runs."""
        return self.usd - self.reserved_usd


def spending(snapshots: Iterable[RunSnapshot], *, rates_of: Callable[[Run], Rates], hours_per_scan: float) -> Spending:
    """What the scans that these runs submitted have cost and may cost.

    Parameters
    ----------
    rates_of
        Returns the prices of a run's instances: those that `opsctl cost` uses.
    hours_per_scan
        How long the last attempt of a scan in flight may take.
    """
    spent = reserved = 0.0
    in_flight = 0
    for snapshot in snapshots:
        rates = rates_of(snapshot.run)
        active = [index for index in snapshot.own_active if snapshot.scans[index].is_submitted]
        own_bill = snapshot.bill(rates)
        spent += own_bill.usd
        reserved += snapshot.outstanding_usd(rates, own_bill, active, hours_per_scan=hours_per_scan)
        in_flight += len(active)
    return Spending(spent + reserved, in_flight, reserved)


class Budget:
    """Admits submissions while what was spent and what is reserved stay below the limit.

    Scans are submitted in portions, and no more are in flight than the compute environment runs at once and than the
    limit covers: submitted scans must be paid for, and their cost is known only afterwards.

    Parameters
    ----------
    limit_usd
        `--max-spend`.
    reserve
        What is reserved for each scan in flight.
    current_spending
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
        reserve: Reserve,
        current_spending: Callable[[], Spending],
        at_once: int,
        sleep: Callable[[float], None],
        on_wait: Callable[[str], None],
    ) -> None:
        self._limit_usd = limit_usd
        self._usd_per_scan = estimate.usd_per_scan
        self._is_complete = estimate.is_complete
        self._reserve = reserve
        self._asked = current_spending
        self._at_once = at_once
        self._sleep = sleep
        self._on_wait = on_wait

    @property
    def portion(self) -> int:
        """The largest number of scans in one submission.

        Half of what runs at once, so that no instance is idle, and a tenth of what the limit pays for.
        """
        reserved = self._reserve.usd_per_scan
        by_limit = int(self._limit_usd * _LARGEST_SHARE / reserved) if reserved else self._at_once
        return max(1, min(self._at_once // 2, by_limit))

    def guarantee(self, scan_count: int) -> Guarantee:
        """What the limit guarantees for so many more scans."""
        spent = self._asked().usd
        return Guarantee(
            limit_usd=self._limit_usd,
            spent_usd=spent,
            scan_count=scan_count,
            in_flight=self._reserve.most_in_flight(
                limit_usd=self._limit_usd, spent_usd=spent, at_once=self._at_once, scan_count=scan_count
            ),
            portion=self.portion,
            reserve=self._reserve,
        )

    def ensure(self, count: int) -> None:
        """Wait until `count` more scans can run at once and the limit covers their reserve.

        Raises
        ------
        Problem
            When the limit does not cover them though no scan is in flight any more.
        """
        while (current := self._asked()).in_flight:
            in_flight = counted_verb(current.in_flight, "scan")
            if current.in_flight + count > self._at_once:
                why = "when there is room"
            elif current.usd + count * self._reserve.usd_per_scan > self._limit_usd:
                # Most scans cost less than is reserved for them.
                why = "when those have ended, if the sum then allows it"
            else:
                break
            self._on_wait(f"{in_flight} in progress: the next {count:,} follow {why}")
            self._sleep(_POLL_SECONDS)
        self._ensure(current.usd, count, self._reserve.usd_per_scan)

    def ensure_affordable(self, so_far_usd: float, count: int) -> None:
        """Ensure that the limit covers the estimate of `count` more scans, the last submission with its reserve.

        Without the reserve, a run that costs what was estimated would stop before its last submission.

        Raises
        ------
        Problem
            When the running total would exceed the budget, or the price is not known.
        """
        self._ensure(so_far_usd, count, self._usd_per_scan)
        last = min(self.portion, count)
        reserved_usd = last * max(0.0, self._reserve.usd_per_scan - self._usd_per_scan)
        if so_far_usd + count * self._usd_per_scan + reserved_usd > self._limit_usd:
            left_usd = self._limit_usd - so_far_usd - reserved_usd
            fits = min(count - 1, int(left_usd / self._usd_per_scan)) if self._usd_per_scan else 0
            fit = counted_verb(fits, "scan", singular="fits", plural="fit")
            raise Problem(
                f"{counted(count, 'scan')} at {about_text(count * self._usd_per_scan)}, and {usd_text(reserved_usd)}"
                f" more reserved because the last {last:,} may take long: above --max-spend {self._limit_usd:g}.",
                f"About {fit} (`--first {fits}`), or allow more." if fits > 0 else "Allow more.",
                code=ErrorCode.BUDGET_REACHED,
            )

    def _ensure(self, so_far_usd: float, count: int, usd_per_scan: float) -> None:
        if not self._is_complete:
            raise Problem(
                "The price of this platform's instances is not known, so --max-spend cannot be kept.",
                "Leave it out, or let opsctl ask AWS's price list (pricing:GetProducts).",
                code=ErrorCode.BUDGET_REACHED,
            )
        more = count * usd_per_scan
        if so_far_usd + more > self._limit_usd:
            fits = max(0, int((self._limit_usd - so_far_usd) / usd_per_scan)) if usd_per_scan else 0
            spent = f"{usd_text(so_far_usd)} spent or committed, and " if so_far_usd else ""
            scans = f"{counted(count, 'scan')}{' more' if so_far_usd else ''}"
            fit = counted_verb(fits, "scan", singular="fits", plural="fit")
            raise Problem(
                f"{spent}{scans} at {about_text(more)}: above --max-spend {self._limit_usd:g}.",
                f"About {fit} (`--first {fits}`), or allow more." if fits else "Allow more.",
                code=ErrorCode.BUDGET_REACHED,
            )
