"""When AWS takes Spot instances back: in waves, each of which takes a share of one zone's instances."""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

#: Reclaims for each instance and hour. Assumed: AWS publishes only monthly classes (under 5 % to over 20 %).
ASSUMED_PER_HOUR = 0.05
#: The share of a zone's instances that one wave takes. Assumed: AWS publishes nothing.
ASSUMED_WAVE_SHARE = 0.1


@dataclass(frozen=True, kw_only=True)
class ReclaimRate:
    """How often instances are taken back.

    Attributes
    ----------
    per_hour
        For each instance; 0: never, as on demand.
    zones
        Instances are launched in the zones in turn, and each zone has waves of its own.
    wave_share
        The share of a zone's instances that a wave takes. The smaller it is, the more reclaims are independent.
    """

    per_hour: float
    zones: int
    wave_share: float = ASSUMED_WAVE_SHARE


class Reclaims:
    """The waves of one replication.

    Parameters
    ----------
    generator
        Drawn from whenever an instance is launched.
    """

    def __init__(self, rate: ReclaimRate, generator: np.random.Generator) -> None:
        self._rate = rate
        self._generator = generator
        self._waves: list[list[float]] = [[] for _ in range(rate.zones)]

    def next_at(self, zone: int, now: float) -> float:
        """When an instance that is launched now is taken back; infinity: never."""
        if not self._rate.per_hour:
            return math.inf
        waves = self._waves[zone]
        while not waves or waves[-1] <= now:
            self._add_wave(waves)
        # Each wave takes the instance with the same probability, so the number of the one that does is geometric.
        number = bisect_right(waves, now) + int(self._generator.geometric(self._rate.wave_share)) - 1
        while len(waves) <= number:
            self._add_wave(waves)
        return waves[number]

    def _add_wave(self, waves: list[float]) -> None:
        mean_hours = self._rate.wave_share / self._rate.per_hour
        last = waves[-1] if waves else 0.0
        waves.append(last + float(self._generator.exponential(mean_hours)))
