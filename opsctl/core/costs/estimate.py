"""What a run will cost: hourly rates, hours per scan and the estimate that is shown before a run.

USD = hours x (instance + disk + public address, each per hour). docs/cost.md names the source of each number.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from statistics import median
from typing import Literal

from opsctl.core.costs.attempt_durations import hours_between
from opsctl.core.platform.platform import ModelResources, Platform
from opsctl.core.runs.result import Result
from opsctl.core.simulation.scan_times import ASSUMED_SPREAD, ScanTimes
from opsctl.core.sizing.slowdown import slowdown_of

#: m2g's guide: a little over an hour per scan.
GUIDE_HOURS = 65 / 60
#: The median of fewer finished scans is not used.
ENOUGH_SCANS = 5

_CENT = 0.01

#: What a resource costs while no job runs, in USD per hour. Resource types that are not listed cost nothing when idle.
_IDLE_USD_PER_HOUR = {
    "aws_nat_gateway": 0.045,
    "aws_eip": 0.005,
    "aws_lb": 0.0225,
    "aws_instance": 0.126,
    "aws_kms_key": 1.0 / 730,
}


@dataclass(frozen=True, kw_only=True)
class Rates:
    """What one instance of a model costs per hour.

    Attributes
    ----------
    instance_usd_per_hour
        0 where the price is unknown; `is_complete` is then False.
    disk_usd_per_gib_hour
        Price of the root volume (gp3).
    address_usd_per_hour
        Price of a public IPv4 address.
    source
        Where the prices come from, in words: AWS's price list with the date of the request, or opsctl's table with its
        date and why AWS was not asked.
    is_complete
        Whether the instance's price is known. If not, every sum made with these rates is a lower bound.
    vcpus
        Of the instance; 0 where they do not matter, because it has one scan.
    scans_per_instance
        How many scans share the instance and its price.
    warning
        Why the instance's price may be wrong, in words, because it is an old one; empty where it is not.
    """

    instance_usd_per_hour: float
    disk_usd_per_gib_hour: float
    address_usd_per_hour: float
    root_volume_gib: int
    source: str
    kind: Literal["on-demand", "Spot"]
    is_complete: bool = True
    vcpus: int = 0
    scans_per_instance: int = 1
    warning: str = ""

    @property
    def usd_per_instance_hour(self) -> float:
        """Instance, disk and address together."""
        return (
            self.instance_usd_per_hour + self.disk_usd_per_gib_hour * self.root_volume_gib + self.address_usd_per_hour
        )

    @property
    def usd_per_hour(self) -> float:
        """A scan's share of instance, disk and address."""
        return self.usd_per_instance_hour / self.scans_per_instance

    @property
    def slowdown(self) -> float:
        """How much longer a scan takes beside the others, where its time is not measured."""
        return slowdown_of(self.scans_per_instance, vcpus=self.vcpus)

    @property
    def guide_hours(self) -> float:
        """How long a scan takes by the guide."""
        return GUIDE_HOURS * self.slowdown

    @property
    def guide_text(self) -> str:
        """The same in words: `65 minutes`."""
        return f"{time_text(self.guide_hours)}{_longer_text(self.slowdown)}"

    def shared_by(self, scans: int) -> Rates:
        """The same prices for each of the scans that share an instance."""
        return replace(self, scans_per_instance=scans)

    @property
    def price_text(self) -> str:
        """The hourly price and what it includes, in words."""
        price = f"${self.usd_per_instance_hour:.3f} per hour"
        shared = f", shared by {self.scans_per_instance} scans" if self.scans_per_instance > 1 else ""
        if self.is_complete:
            return f"{price} (instance, {self.root_volume_gib} GiB disk, public IPv4 address{shared})"
        return f"its price is not known: only disk and public IPv4 address count, {price}{shared}"


@dataclass(frozen=True, kw_only=True)
class Startup:
    """What passes on an instance before its first scan begins: it boots and pulls the image.

    Attributes
    ----------
    measured_on
        The date of the self-test that measured it.
    """

    hours: float
    measured_on: str

    @property
    def source(self) -> str:
        """Where the number comes from, in words, with the number."""
        return f"{time_text(self.hours)} for each instance to start (the self-test of {self.measured_on})"


@dataclass(frozen=True)
class FinishedScan:
    """How long a scan that succeeded took: copying its inputs and outputs, and m2g."""

    transfer_hours: float
    m2g_hours: float


@dataclass(frozen=True, kw_only=True)
class Hours:
    """How long a scan takes.

    Attributes
    ----------
    source
        Where the number comes from, in words, with the number.
    is_measured
        Whether the number comes from finished scans; otherwise it is the guide's.
    is_upper_bound
        Whether the scans take less, and nobody knows how much less.
    startup
        What passes on each instance before its first scan; None where no self-test has measured it.
    finished
        The scans that it was measured by.
    scans_per_instance
        How many scans shared an instance while they were measured; what `beside` adds is not measured.
    """

    per_scan: float
    source: str
    is_measured: bool
    is_upper_bound: bool = False
    startup: Startup | None = None
    finished: tuple[FinishedScan, ...] = ()
    scans_per_instance: int = 1

    @property
    def short(self) -> float:
        """The time that one of ten scans takes at most."""
        return self._quantile(0.1)

    @property
    def long(self) -> float:
        """The time that nine of ten scans take at most."""
        return self._quantile(0.9)

    @property
    def band_source(self) -> str:
        """Where the band comes from, in words, with the numbers; empty where no time is known."""
        if self.is_upper_bound:
            return ""
        band = f"the band: {time_text(self.short)} to {time_text(self.long)} a scan"
        if self.is_measured and self.finished:
            return f"{band} (the first and the last tenth of the {len(self.finished):,} scans)"
        return f"{band} (eight of ten scans, if their times vary by {ASSUMED_SPREAD:.0%}: assumed)"

    def _quantile(self, share: float) -> float:
        """From the distribution that `opsctl simulate` draws from, scaled to scans that share an instance."""
        times = ScanTimes.of(self)
        middle = times.mean_hours if times.spread else times.quantile_hours(0.5)
        return self.per_scan * times.quantile_hours(share) / middle if middle else 0.0

    def beside(self, scans: int, *, vcpus: int) -> Hours:
        """The same of scans that share an instance: longer where two share a core."""
        slowdown = slowdown_of(scans, vcpus=vcpus)
        if slowdown == 1.0:
            return self
        hours = self.per_scan * slowdown
        longer = f"{slowdown:g} times as long because two scans share a core (assumed): {time_text(hours)}"
        return replace(self, per_scan=hours, source=f"{self.source}, {longer}")


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """About what a run will cost.

    Attributes
    ----------
    usd
        All scans together, at AWS's prices. The local platform charges nothing, but has the same number here.
    usd_per_scan
        One scan, with its share of the instances' start.
    low_usd, high_usd
        All scans together, if each takes as long as a short or a long one (`Hours.short`, `Hours.long`). 0 and `usd`
        where the scans take less than is counted.
    wall_hours
        Duration of the run on AWS if as many scans run at once as may.
    scan_count, at_once
        How many scans it is about, and how many of them run at once.
    basis
        Where the numbers come from, in words.
    is_complete
        False where the instance's price is unknown; the estimate is then a lower bound.
    is_upper_bound
        True where the scans take less time than is counted.
    """

    usd: float
    usd_per_scan: float
    wall_hours: float
    basis: str
    is_complete: bool = True
    is_upper_bound: bool = False
    scan_count: int = 0
    at_once: int = 0
    low_usd: float = 0.0
    high_usd: float = 0.0


def succeeded_hours(results: Iterable[Result]) -> list[float]:
    """The durations of the succeeded scans, in hours."""
    return [_hours(result) for result in results if result.succeeded]


def _hours(result: Result) -> float:
    return hours_between(datetime.fromisoformat(result.started_at), datetime.fromisoformat(result.stopped_at))


def _finished_scan(result: Result) -> FinishedScan:
    hours = _hours(result)
    transfer = min(hours, (result.seconds.get("pull", 0.0) + result.seconds.get("push", 0.0)) / 3600)
    return FinishedScan(transfer, hours - transfer)


def hours_of(
    results: Iterable[Result],
    *,
    kind: str,
    reuses_registration: bool = False,
    scans_per_instance: int = 1,
    has_others: bool = False,
) -> Hours:
    """The median duration of the succeeded scans, or the guide's 65 minutes where fewer than five succeeded.

    Parameters
    ----------
    kind
        What scans they are (`dwi csd`): other scans that have finished do not count.
    reuses_registration
        Whether the scans start from an earlier registration: the guide's figure is then an upper bound.
    scans_per_instance
        How many of them shared an instance.
    has_others
        Whether there are runs of which another number of scans shared an instance: their times are not used.
    """
    succeeded = [result for result in results if result.succeeded]
    hours = succeeded_hours(succeeded)
    if len(hours) < ENOUGH_SCANS and reuses_registration:
        return Hours(
            per_scan=GUIDE_HOURS,
            source=f"how long a scan takes without registration is not known yet: fewer than {ENOUGH_SCANS} such {kind}"
            " scans have finished here, so the 65 minutes of a whole scan are counted",
            is_measured=False,
            is_upper_bound=True,
        )
    if len(hours) < ENOUGH_SCANS:
        return Hours(
            per_scan=GUIDE_HOURS,
            source="65 minutes a scan"
            f" (the m2g guide's figure: fewer than {ENOUGH_SCANS} {kind} scans have finished here"
            f"{_sharing_text(scans_per_instance) if has_others else ''})",
            is_measured=False,
        )
    middle = median(hours)
    sharing = _sharing_text(scans_per_instance) if has_others or scans_per_instance > 1 else ""
    return Hours(
        per_scan=middle,
        source=f"{time_text(middle)} a scan (the median of {len(hours):,} {kind} scans that finished here{sharing})",
        is_measured=True,
        finished=tuple(map(_finished_scan, succeeded)),
        scans_per_instance=scans_per_instance,
    )


def estimate(
    platform: Platform, resources: ModelResources, *, scan_count: int, rates: Rates, hours: Hours, at_once: int
) -> Estimate:
    """Estimate the cost of a run: scans x hours x (instance + disk + address), and each instance's start.

    Parameters
    ----------
    resources
        Those of the jobs' model.
    at_once
        How many scans run at once, from `opsctl.core.diagnosis.account.at_once`; at least 1.
    """
    startup_hours = hours.startup.hours if hours.startup else 0.0
    # In each of its places, an instance takes one scan after the other.
    instances = math.ceil(min(scan_count, at_once) / rates.scans_per_instance)
    startup_usd = rates.usd_per_instance_hour * instances * startup_hours
    usd = rates.usd_per_hour * scan_count * hours.per_scan + startup_usd
    sources = [hours.source, hours.band_source, hours.startup.source if hours.startup else ""]
    charged = f", as AWS would charge in {platform.region}" if platform.is_local else ""
    kind = f"{resources.instance_type} {rates.kind}"
    kind += " (others of its size may cost otherwise)" if resources.more_instance_types else ""
    kind += " (on demand costs more)" if platform.spot_fallback else ""
    return Estimate(
        usd=usd,
        usd_per_scan=usd / max(1, scan_count),
        wall_hours=math.ceil(scan_count / at_once) * hours.per_scan + startup_hours,
        basis=f"{'; '.join(filter(None, sources))}; {kind}{charged}: {rates.price_text}; {rates.source}",
        is_complete=rates.is_complete,
        is_upper_bound=hours.is_upper_bound,
        scan_count=scan_count,
        at_once=min(at_once, scan_count),
        low_usd=0.0 if hours.is_upper_bound else rates.usd_per_hour * scan_count * hours.short + startup_usd,
        high_usd=usd if hours.is_upper_bound else rates.usd_per_hour * scan_count * hours.long + startup_usd,
    )


def idle_usd_per_hour(resource_types: Iterable[str]) -> float:
    """What a platform costs per hour while no job runs.

    Parameters
    ----------
    resource_types
        Terraform's type of each resource, so a type may occur several times. `aws_vpc_endpoint` is free, because the
        platform's is a gateway endpoint.
    """
    return sum(_IDLE_USD_PER_HOUR.get(resource_type, 0.0) for resource_type in resource_types)


def usd_text(usd: float) -> str:
    """`$12.30`, `$1,234.50`, `under $0.01`."""
    return "under $0.01" if 0 < usd < _CENT else f"${usd:,.2f}"


def about_text(usd: float) -> str:
    """`about $12.30`, `under $0.01`: no amount that opsctl shows is exact."""
    return usd_text(usd) if 0 < usd < _CENT else f"about {usd_text(usd)}"


def _sharing_text(scans_per_instance: int) -> str:
    """On what instances the scans were measured."""
    if scans_per_instance == 1:
        return " with an instance of their own; those that shared one do not count"
    return f" with {scans_per_instance} on an instance; others do not count"


def _longer_text(slowdown: float) -> str:
    """What is assumed where scans share a core; empty where each has one."""
    return "" if slowdown == 1.0 else f", {slowdown:g} times as long as alone because two share a core (assumed),"


def time_text(hours: float) -> str:
    """`65 minutes`, `6 hours`, `40 seconds`."""
    if hours >= 3 and hours == round(hours):
        return f"{hours:.0f} hours"
    return f"{hours * 60:.0f} minutes" if hours >= 2 / 60 else f"{hours * 3600:.0f} seconds"
