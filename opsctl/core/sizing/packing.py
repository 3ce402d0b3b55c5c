"""How many scans to put on one instance: the number with the lowest expected cost.

Two jobs that share an instance share its price. A scan whose memory outgrows its share has wasted that attempt, and
runs again alone. So what is compared is what a scan is expected to cost, and not the largest peak plus headroom:

    cost(N) = hours(N) x price(N) / N + share that outgrows x (hours(1) + restart) x price(1)

The whole packed attempt of a scan that outgrows it counts as wasted, which is the most that it can be.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from opsctl.core.platform.platform import ModelResources
from opsctl.core.sizing.job_size import JobSize, packed_size
from opsctl.core.sizing.peaks import ScanPeak
from opsctl.core.sizing.slowdown import SLOWDOWN, slowdown_of

#: What a scan that runs again waits and pays for: its instance boots, pulls the image, and ends idle.
RESTART_HOURS = (3 + 8 + 5) / 60
#: Fewer measured scans propose nothing.
ENOUGH_SCANS = 5
#: A canary has this many (`run --first 10`).
CANARY_SCANS = 10

_CONFIDENCE = 0.95
_HALVINGS = 50


@dataclass(frozen=True, kw_only=True)
class Assumptions:
    """What the rule takes for granted.

    Attributes
    ----------
    scan_hours
        How long a scan takes that has its core for itself.
    slowdown
        How much longer it takes where two share a core.
    restart_hours
        What a scan that runs again pays for beside its own time.
    """

    scan_hours: float
    slowdown: float = SLOWDOWN
    restart_hours: float = RESTART_HOURS


@dataclass(frozen=True, kw_only=True)
class Packing:
    """A number of scans per instance, and what it is expected to cost.

    Attributes
    ----------
    outgrown
        How many of the measured scans need more memory than such a job has.
    share, worst_share
        Which share of all scans is expected to, and with 95 % confidence at most does.
    usd_per_scan, worst_usd_per_scan, fitting_usd_per_scan
        At these shares, and where no scan needs more.
    factor
        How much longer a scan takes than alone.
    """

    size: JobSize
    outgrown: int
    measured: int
    share: float
    worst_share: float
    usd_per_scan: float
    worst_usd_per_scan: float
    fitting_usd_per_scan: float
    factor: float

    @property
    def scans(self) -> int:
        """How many scans share an instance."""
        return self.size.scans_per_instance


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """What measured scans propose.

    Attributes
    ----------
    packings
        By the number of scans, from one on.
    best
        The one with the lowest expected cost; of equal ones, that with fewer scans.
    """

    packings: tuple[Packing, ...]
    best: Packing
    assumptions: Assumptions

    @property
    def alone(self) -> Packing:
        """One scan per instance."""
        return self.packings[0]

    def against_alone(self, usd_per_scan: float) -> float:
        """A cost against that of one scan per instance: -0.3 is 30 % less."""
        alone = self.alone.usd_per_scan
        return usd_per_scan / alone - 1.0 if alone else 0.0


def propose(
    peaks: Sequence[ScanPeak],
    resources: ModelResources,
    *,
    usd_per_hour: Callable[[int], float],
    assumptions: Assumptions,
) -> Proposal:
    """Choose how many scans share an instance.

    Parameters
    ----------
    peaks
        Of the scans that were measured.
    usd_per_hour
        The price of an instance whose disk is large enough for so many scans.
    """
    alone_usd = usd_per_hour(1)
    packings = []
    for scans in range(1, resources.whole_vcpus + 1):
        size = packed_size(resources, scans)
        factor = slowdown_of(scans, vcpus=resources.whole_vcpus, slowdown=assumptions.slowdown)
        attempt_usd = assumptions.scan_hours * factor * usd_per_hour(scans) / scans
        again_usd = (assumptions.scan_hours + assumptions.restart_hours) * alone_usd
        outgrown = sum(not peak.fits(size.memory_mib) for peak in peaks)
        # Alone, a scan has all that there is: what needs more fails however the others run.
        share = expected_share(outgrown, len(peaks)) if scans > 1 else 0.0
        worst = largest_share(outgrown, len(peaks)) if scans > 1 else 0.0
        packings.append(
            Packing(
                size=size,
                outgrown=outgrown,
                measured=len(peaks),
                share=share,
                worst_share=worst,
                usd_per_scan=attempt_usd + share * again_usd,
                worst_usd_per_scan=attempt_usd + worst * again_usd,
                fitting_usd_per_scan=attempt_usd,
                factor=factor,
            )
        )
    best = min(packings, key=lambda packing: (packing.usd_per_scan, packing.scans))
    return Proposal(packings=tuple(packings), best=best, assumptions=assumptions)


def expected_share(count: int, of: int) -> float:
    """The expected share of all scans, where `count` of `of` measured ones did: Laplace's rule of succession.

    With none among ten it is a twelfth and not zero: ten scans do not prove that no other one outgrows its memory.
    """
    return (count + 1) / (of + 2)


def largest_share(count: int, of: int, *, confidence: float = _CONFIDENCE) -> float:
    """The largest share of all scans with which so few among those measured are not surprising.

    The one-sided limit of Clopper and Pearson (1934, Biometrika 26): with a larger share, the chance of `count` or
    fewer would be under 1 - `confidence`.
    """
    if count >= of:
        return 1.0
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if _at_most(count, of, middle) > 1.0 - confidence else (low, middle)
    return high


def _at_most(count: int, of: int, share: float) -> float:
    """The chance that at most `count` of `of` scans do, where each does with this chance."""
    if share <= 0.0:
        return 1.0
    logs = (
        math.lgamma(of + 1)
        - math.lgamma(number + 1)
        - math.lgamma(of - number + 1)
        + number * math.log(share)
        + (of - number) * math.log1p(-share)
        for number in range(count + 1)
    )
    return sum(map(math.exp, logs)) if share < 1.0 else 0.0
