"""What a run costs: about, before it; by its attempts' real times, during and after it.

$ = (instance + disk + public address, each by the hour) x hours. docs/cost.md says where each number comes from.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median
from typing import Literal

from opsctl.core.costs.attempt_durations import AttemptDuration, attempt_durations, credited_attempt, hours_between
from opsctl.core.platform.platform import ModelResources, Platform
from opsctl.core.runs.attempt import Attempt
from opsctl.core.runs.result import Result
from opsctl.core.runs.status import BatchJob

#: What no figure of opsctl's holds; said wherever a bill is shown.
NOT_INCLUDED = "without instances' boot and idle time, data transfer, storage on S3 and requests"

#: m2g's guide: a little over an hour a scan.
GUIDE_HOURS = 65 / 60
#: As many finished scans as a median should have before it is believed.
ENOUGH_SCANS = 5

#: What a resource costs while no job runs, USD an hour. What stands not here costs nothing when idle.
_IDLE_USD_PER_HOUR = {
    "aws_nat_gateway": 0.045,
    "aws_eip": 0.005,
    "aws_lb": 0.0225,
    "aws_instance": 0.126,
    "aws_kms_key": 1.0 / 730,
}


@dataclass(frozen=True, kw_only=True)
class Rates:
    """What one instance of a model costs an hour.

    Attributes
    ----------
    instance_usd_per_hour
        0 where no price is known: `is_complete` says so.
    disk_usd_per_gib_hour
        Of the root volume (gp3).
    address_usd_per_hour
        Of a public IPv4 address.
    source
        Where the prices come from, in words: AWS's price list with the day it was asked, or opsctl's table with its
        date and why AWS was not asked.
    is_complete
        Whether the instance's price is known. Else every sum made with these rates is a lower bound.
    """

    instance_usd_per_hour: float
    disk_usd_per_gib_hour: float
    address_usd_per_hour: float
    root_volume_gib: int
    source: str
    kind: Literal["on-demand", "Spot"]
    is_complete: bool = True

    @property
    def usd_per_hour(self) -> float:
        """Instance, disk and address together."""
        return (
            self.instance_usd_per_hour + self.disk_usd_per_gib_hour * self.root_volume_gib + self.address_usd_per_hour
        )


@dataclass(frozen=True, kw_only=True)
class Hours:
    """How long a scan takes.

    Attributes
    ----------
    source
        In words, with the figure.
    is_measured
        Whether finished scans say so, and not the guide.
    """

    per_scan: float
    source: str
    is_measured: bool


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """About what a run costs; never shown without "about".

    Attributes
    ----------
    usd
        All scans together, as AWS charges; of the local platform too, which charges nothing.
    usd_per_scan
        One scan.
    wall_hours
        How long the whole run takes on AWS when the compute environment gives all it may.
    basis
        Where the numbers come from, in words.
    is_complete
        False: the instance's price is not known, and this is a lower bound.
    """

    usd: float
    usd_per_scan: float
    wall_hours: float
    basis: str
    is_complete: bool = True


@dataclass(frozen=True, kw_only=True)
class ScanBill:
    """What one scan has cost, over all its attempts.

    Attributes
    ----------
    attempts, lost
        Those that started, and those of them that no result came of.
    """

    usd: float
    hours: float
    attempts: int
    lost: int


@dataclass(frozen=True, kw_only=True)
class Bill:
    """What attempts have cost, by their real times; of the local platform, what AWS would have charged.

    Attributes
    ----------
    hours
        Of all attempts together.
    attempts
        Those that started; an image that could not be pulled costs nothing here.
    lost_attempts, lost_usd
        Those of them that ended and that no result came of: retried, lost with their instance, or doubled.
    by_scan
        By the scan's index; only scans that had an attempt.
    basis
        Where the numbers come from and what was guessed, in words.
    is_complete
        False: the instance's price is not known, and this is a lower bound.
    """

    usd: float
    hours: float
    attempts: int
    lost_attempts: int
    lost_usd: float
    by_scan: Mapping[int, ScanBill]
    basis: str
    is_complete: bool = True


def hours_of(results: Iterable[Result]) -> Hours:
    """How long a scan takes: the median of the succeeded ones, or the guide's 65 minutes while these are under five."""
    hours = [hours_between(one.started_at, one.stopped_at) for one in results if one.succeeded]
    if len(hours) < ENOUGH_SCANS:
        return Hours(
            per_scan=GUIDE_HOURS,
            source="65 minutes a scan (the m2g guide's figure: fewer than 5 scans have finished here)",
            is_measured=False,
        )
    middle = median(hours)
    return Hours(
        per_scan=middle,
        source=f"{_time_text(middle)} a scan (the median of {len(hours):,} finished here)",
        is_measured=True,
    )


def estimate(platform: Platform, resources: ModelResources, *, scan_count: int, rates: Rates, hours: Hours) -> Estimate:
    """About what a run of `scan_count` scans costs: scans x hours x (instance + disk + address).

    Parameters
    ----------
    resources
        Of the model that the jobs use: one scan an instance, `max_vcpus // vcpus` at once.
    """
    per_scan = rates.usd_per_hour * hours.per_scan
    at_once = max(1, resources.max_vcpus // resources.vcpus)
    charged = f", as AWS would charge in {platform.region}" if platform.is_local else ""
    kind = f"{resources.instance_type} {rates.kind}"
    kind += " (others of its size may cost otherwise)" if resources.more_instance_types else ""
    kind += " (on demand costs more)" if platform.spot_fallback else ""
    return Estimate(
        usd=per_scan * scan_count,
        usd_per_scan=per_scan,
        wall_hours=math.ceil(scan_count / at_once) * hours.per_scan,
        basis=f"{hours.source}; {kind}{charged}: {_price_text(rates)}; {rates.source}",
        is_complete=rates.is_complete,
    )


def bill(attempts: Sequence[Attempt], jobs: Mapping[int, BatchJob], rates: Rates, *, now: datetime) -> Bill:
    """What attempts have cost so far.

    Parameters
    ----------
    attempts
        As their runners wrote them down.
    jobs
        Batch's word by the scan's index, where it is known: it fills the ends that no runner could write.
    now
        The end, for this sum, of what still runs; with its time zone.
    """
    durations = attempt_durations(attempts, jobs, now=now)
    known = [span.hours for span in durations if span.hours is not None]
    typical = median(known) if known else GUIDE_HOURS
    by_index: dict[int, list[AttemptDuration]] = defaultdict(list)
    guessed = 0
    for span in durations:
        if span.hours is None:
            guessed += 1
            span.hours = min(typical, span.longest)
        by_index[span.attempt.index].append(span)
    by_scan = {}
    lost_hours = 0.0
    for index, some in sorted(by_index.items()):
        lost = [span for span in some if not span.is_running and span is not credited_attempt(some)]
        hours = sum(span.hours or 0.0 for span in some)
        lost_hours += sum(span.hours or 0.0 for span in lost)
        by_scan[index] = ScanBill(usd=hours * rates.usd_per_hour, hours=hours, attempts=len(some), lost=len(lost))
    return Bill(
        usd=sum(one.usd for one in by_scan.values()),
        hours=sum(one.hours for one in by_scan.values()),
        attempts=len(durations),
        lost_attempts=sum(one.lost for one in by_scan.values()),
        lost_usd=lost_hours * rates.usd_per_hour,
        by_scan=by_scan,
        basis=_bill_basis(rates, guessed=guessed, has_known=bool(known)),
        is_complete=rates.is_complete,
    )


def idle_usd_per_hour(resource_types: Iterable[str]) -> float:
    """What a platform costs while nothing runs, from what Terraform makes.

    Parameters
    ----------
    resource_types
        Terraform's types, one for each resource. Its VPC endpoint is a gateway, which is free.
    """
    return sum(_IDLE_USD_PER_HOUR.get(kind, 0.0) for kind in resource_types)


def _time_text(hours: float) -> str:
    return f"{hours * 60:.0f} minutes" if hours >= 2 / 60 else f"{hours * 3600:.0f} seconds"


def _price_text(rates: Rates) -> str:
    if rates.is_complete:
        return f"${rates.usd_per_hour:.3f} an hour with {rates.root_volume_gib} GiB disk and address"
    return f"no price is known for it: only disk and address, ${rates.usd_per_hour:.3f} an hour, are counted"


def _bill_basis(rates: Rates, *, guessed: int, has_known: bool) -> str:
    words = [f"the attempts' real times, {rates.kind}: {_price_text(rates)}", rates.source]
    if guessed:
        taken = "the others' median" if has_known else "the guide's 65 minutes"
        which = "attempt's end is" if guessed == 1 else "attempts' ends are"
        words.append(f"{guessed} {which} not known and counted with {taken}, at most till now")
    return "; ".join(words)
