"""What a run has cost: its attempts' real durations at AWS's prices."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from opsctl.core.costs.attempt_durations import attempt_durations, credited_attempt
from opsctl.core.costs.estimate import Rates
from opsctl.core.costs.money import Money, spent
from opsctl.core.runs.attempt_merge import AttemptsByScan
from opsctl.core.runs.status import BatchJob

#: What no amount includes; shown beside every bill.
NOT_INCLUDED = "without instances' boot and idle time, data transfer, storage on S3 and requests"


@dataclass(frozen=True, kw_only=True)
class ScanBill:
    """What one scan has cost, over all its attempts.

    Attributes
    ----------
    attempts
        Number of attempts that started.
    lost
        How many of them ended without producing the scan's result.
    running_usd
        What of it is for the attempt that runs.
    """

    usd: float
    hours: float
    attempts: int
    lost: int
    running_usd: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Bill:
    """What attempts have cost; on the local platform, what AWS would have charged.

    Attributes
    ----------
    hours
        All attempts together.
    attempts
        Number of attempts that started. An attempt whose image could not be pulled is not counted.
    lost_attempts, lost_usd
        The attempts that ended without producing a result: retried, lost with their instance, or duplicates.
    by_scan
        By scan index; only scans that had an attempt.
    basis
        Where the numbers come from and what was assumed, in words.
    is_complete
        False where the instance's price is unknown; the bill is then a lower bound.
    """

    usd: float
    hours: float
    attempts: int
    lost_attempts: int
    lost_usd: float
    by_scan: Mapping[int, ScanBill]
    basis: str
    is_complete: bool = True

    @property
    def usd_per_scan(self) -> float | None:
        """The average; a scan that cost nothing yet (of the preview, all that are not done) is not counted."""
        paid = sum(scan.usd > 0 for scan in self.by_scan.values())
        return self.usd / paid if paid else None

    def money(self, *, is_local: bool) -> Money:
        """The sum, with what it stands for."""
        return spent(self.usd, is_local=is_local, is_complete=self.is_complete)


def bill(
    attempts: AttemptsByScan,
    jobs: Mapping[int, BatchJob],
    rates: Rates,
    *,
    now: datetime,
    longest: timedelta,
    previewed: Collection[int] = (),
    sharing: Mapping[int, int] | None = None,
) -> Bill:
    """What attempts have cost so far.

    An attempt whose end is unknown counts until its last sign of life; see `attempt_durations`.

    Parameters
    ----------
    attempts
        Merged; see `opsctl.core.runs.attempt_merge`.
    jobs
        Batch's jobs by scan index, where known: they tell which attempts run.
    now
        With its time zone. Attempts that still run are counted until then.
    longest
        After this time Batch ends an attempt.
    previewed
        The scans that opsctl's preview does in m2g's place: its times say nothing of what AWS would charge for m2g, so
        each finished scan counts with the guide's time, and all other attempts count nothing.
    sharing
        By scan index: how many jobs an instance holds, each of which pays its share of it; None: one.
    """
    by_scan = {}
    estimated, lost_usd = 0, 0.0
    shared_rates = {scans: rates.shared_by(scans) for scans in {1, *(sharing or {}).values()}}
    for index, own_attempts in sorted(attempts.items()):
        durations = attempt_durations(own_attempts, jobs.get(index), now=now, longest=longest)
        if not durations:
            continue
        own_rates = shared_rates[sharing.get(index, 1) if sharing else 1]
        credited = credited_attempt(durations)
        lost = [duration for duration in durations if not duration.is_running and duration is not credited]
        hours = paid_hours = sum(duration.hours for duration in durations)
        running_hours = sum(duration.hours for duration in durations if duration.is_running)
        if index in previewed:
            paid_hours = own_rates.guide_hours if credited is not None and credited.attempt.exit_code == 0 else 0.0
            running_hours = 0.0
        else:
            lost_usd += sum(duration.hours for duration in lost) * own_rates.usd_per_hour
            estimated += sum(duration.is_estimated for duration in durations)
        by_scan[index] = ScanBill(
            usd=paid_hours * own_rates.usd_per_hour,
            hours=hours,
            attempts=len(durations),
            lost=len(lost),
            running_usd=running_hours * own_rates.usd_per_hour,
        )
    is_timed = not previewed or not by_scan.keys() <= set(previewed)
    is_previewed = not is_timed or not by_scan.keys().isdisjoint(previewed)
    counts = {sharing.get(index, 1) for index in by_scan} if sharing else {1}
    shown_rates = shared_rates[max(counts, default=1)]
    return Bill(
        usd=sum(scan.usd for scan in by_scan.values()),
        hours=sum(scan.hours for scan in by_scan.values()),
        attempts=sum(scan.attempts for scan in by_scan.values()),
        lost_attempts=sum(scan.lost for scan in by_scan.values()),
        lost_usd=lost_usd,
        by_scan=by_scan,
        basis=_basis(shown_rates, estimated=estimated, is_previewed=is_previewed, is_timed=is_timed),
        is_complete=rates.is_complete,
    )


def _basis(rates: Rates, *, estimated: int, is_previewed: bool, is_timed: bool) -> str:
    """Where the numbers come from.

    Parameters
    ----------
    is_previewed, is_timed
        Whether the preview did scans, and whether m2g did.
    """
    parts, price = [], f"{rates.kind}: {rates.price_text}"
    if is_previewed:
        whose = " of the preview" if is_timed else ""
        parts.append(
            f"{rates.guide_text} for each finished scan{whose}"
            " (the m2g guide's figure: times of the preview do not count)"
        )
    parts.append(f"the {'other ' if is_previewed else ''}attempts' real times, {price}" if is_timed else price)
    parts.append(rates.source)
    if estimated:
        which = "attempt's end is" if estimated == 1 else "attempts' ends are"
        parts.append(f"{estimated} {which} not known and estimated from the last sign of life")
    return "; ".join(parts)
