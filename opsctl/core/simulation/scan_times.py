"""How long scans take: drawn from finished scans, or from the guide's figure and an assumed spread."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist, quantiles
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    from opsctl.core.costs.estimate import Hours

#: The standard deviation of the logarithm of a scan's time. Assumed, because the guide gives one figure.
ASSUMED_SPREAD = 0.25
#: How much of a scan's time goes into copying its inputs and outputs. Assumed; finished scans have measured it.
ASSUMED_TRANSFER_HOURS = 1 / 60


@dataclass(frozen=True)
class ScanTime:
    """How long one scan takes on an instance of its own.

    Attributes
    ----------
    transfer_hours
        Copying inputs and outputs, which other scans on the instance do not slow down.
    m2g_hours
        m2g itself.
    """

    transfer_hours: float
    m2g_hours: float


@dataclass(frozen=True)
class ScanTimes:
    """What the times of a run's scans are drawn from.

    Attributes
    ----------
    times
        At least one; each is as likely as the others.
    spread
        The standard deviation of the logarithm of m2g's time around the drawn one, whose mean it keeps. 0 where `times`
        are finished scans, which vary by themselves.
    """

    times: tuple[ScanTime, ...]
    spread: float = 0.0

    @classmethod
    def around(cls, hours: float, *, spread: float = ASSUMED_SPREAD) -> ScanTimes:
        """The times of scans of which only the average is known."""
        transfer = min(ASSUMED_TRANSFER_HOURS, hours)
        return cls((ScanTime(transfer, hours - transfer),), spread)

    @classmethod
    def of(cls, hours: Hours) -> ScanTimes:
        """The finished scans' own times; before enough have finished, times around the guide's figure."""
        if hours.is_measured and hours.finished:
            return cls(tuple(ScanTime(scan.transfer_hours, scan.m2g_hours) for scan in hours.finished))
        return cls.around(hours.per_scan)

    def quantile_hours(self, share: float) -> float:
        """The time, on an instance of its own, that this share of the scans does not exceed."""
        if not self.spread:
            hours = [time.transfer_hours + time.m2g_hours for time in self.times]
            return quantiles(hours, n=100, method="inclusive")[round(100 * share) - 1] if len(hours) > 1 else hours[0]
        # Of one time only, which `around` makes.
        time, score = self.times[0], NormalDist().inv_cdf(share)
        return time.transfer_hours + time.m2g_hours * math.exp(self.spread * score - self.spread**2 / 2)

    @property
    def mean_hours(self) -> float:
        """The average time of a scan on an instance of its own."""
        return sum(time.transfer_hours + time.m2g_hours for time in self.times) / len(self.times)

    def mean_hours_at(self, slowdown: float) -> float:
        """The average time of a scan where m2g takes `slowdown` times longer."""
        return sum(time.transfer_hours + slowdown * time.m2g_hours for time in self.times) / len(self.times)

    def draw(self, generator: np.random.Generator, count: int, *, slowdown: float) -> Sequence[float]:
        """Draw the hours of `count` attempts."""
        import numpy as np

        drawn = generator.integers(len(self.times), size=count)
        transfer = np.array([time.transfer_hours for time in self.times])[drawn]
        m2g = np.array([time.m2g_hours for time in self.times])[drawn]
        if self.spread:
            m2g = m2g * np.exp(generator.normal(-(self.spread**2) / 2, self.spread, size=count))
        hours: list[float] = (transfer + slowdown * m2g).tolist()
        return hours

    @property
    def spread_text(self) -> str:
        """How much the times vary, in words; empty where they are finished scans' own."""
        return f"varying by about {math.expm1(self.spread):.0%}" if self.spread else ""
