"""What a run has cost: its attempts' real durations at AWS's prices."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median

from opsctl.core.costs.attempt_durations import AttemptDuration, attempt_durations, credited_attempt
from opsctl.core.costs.estimate import GUIDE_HOURS, Rates
from opsctl.core.runs.attempt import Attempt
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
    """

    usd: float
    hours: float
    attempts: int
    lost: int


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


def bill(attempts: Sequence[Attempt], jobs: Mapping[int, BatchJob], rates: Rates, *, now: datetime) -> Bill:
    """What attempts have cost so far.

    An attempt whose end is unknown counts with the median of the others, or with the guide's 65 minutes, but at most
    until now.

    Parameters
    ----------
    attempts
        The runners' records.
    jobs
        Batch's jobs by scan index, where known: they supply the ends that no runner could record.
    now
        With its time zone. Attempts that still run are counted until then.
    """
    durations = attempt_durations(attempts, jobs, now=now)
    known_hours = [duration.hours for duration in durations if duration.hours is not None]
    typical_hours = median(known_hours) if known_hours else GUIDE_HOURS
    by_index: dict[int, list[AttemptDuration]] = defaultdict(list)
    assumed = 0
    for duration in durations:
        if duration.hours is None:
            assumed += 1
            duration.hours = min(typical_hours, duration.longest)
        by_index[duration.attempt.index].append(duration)
    by_scan = {}
    lost_hours = 0.0
    for index, own in sorted(by_index.items()):
        credited = credited_attempt(own)
        lost = [duration for duration in own if not duration.is_running and duration is not credited]
        hours = sum(duration.hours or 0.0 for duration in own)
        lost_hours += sum(duration.hours or 0.0 for duration in lost)
        by_scan[index] = ScanBill(usd=hours * rates.usd_per_hour, hours=hours, attempts=len(own), lost=len(lost))
    return Bill(
        usd=sum(scan.usd for scan in by_scan.values()),
        hours=sum(scan.hours for scan in by_scan.values()),
        attempts=len(durations),
        lost_attempts=sum(scan.lost for scan in by_scan.values()),
        lost_usd=lost_hours * rates.usd_per_hour,
        by_scan=by_scan,
        basis=_basis(rates, assumed=assumed, has_known_hours=bool(known_hours)),
        is_complete=rates.is_complete,
    )


def _basis(rates: Rates, *, assumed: int, has_known_hours: bool) -> str:
    parts = [f"the attempts' real times, {rates.kind}: {rates.price_text}", rates.source]
    if assumed:
        taken = "the others' median" if has_known_hours else "the guide's 65 minutes"
        which = "attempt's end is" if assumed == 1 else "attempts' ends are"
        parts.append(f"{assumed} {which} not known and counted with {taken}, at most till now")
    return "; ".join(parts)
