"""Many replications of a run: when it ends and what it costs, as a band."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from opsctl.core.costs.estimate import Rates
from opsctl.core.simulation.fleet import Fleet, Playthrough, play
from opsctl.core.simulation.scan_times import ScanTimes

if TYPE_CHECKING:
    import numpy as np

#: All replications of an answer have about so many events together, which takes about a second.
_EVENTS_IN_ALL = 110_000
_MOST_REPLICATIONS, _LEAST_REPLICATIONS = 100, 5

_CURVE_POINTS = 120


@dataclass(frozen=True, kw_only=True)
class Setup:
    """What is simulated.

    Attributes
    ----------
    rates
        Of one instance with its disk and address.
    slowdown
        How many times longer m2g takes than alone on its instance.
    log_usd_per_attempt
        What an attempt's log lines cost.
    """

    scan_count: int
    fleet: Fleet
    times: ScanTimes
    rates: Rates
    slowdown: float = 1.0
    log_usd_per_attempt: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Bill:
    """What a replication costs.

    Attributes
    ----------
    attempts_usd
        The attempts' own time, each with its share of its instance: of one scan an instance, what `opsctl cost` counts.
    rest_usd
        Start of the instances, slots without a scan, and the wait before an instance ends.
    logs_usd
        The log lines.
    """

    attempts_usd: float
    rest_usd: float
    logs_usd: float

    @property
    def usd(self) -> float:
        """All together."""
        return self.attempts_usd + self.rest_usd + self.logs_usd


@dataclass(frozen=True)
class Band:
    """Three quantiles over the replications: in 8 of 10, the value lies from `p10` to `p90`."""

    p10: float
    p50: float
    p90: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Band:
        """The quantiles of at least one value."""
        import numpy as np

        return cls(*(float(quantile) for quantile in np.quantile(values, (0.1, 0.5, 0.9))))

    def as_json(self, digits: int = 4) -> dict[str, float]:
        """The band in `--json`."""
        return {name: round(value, digits) for name, value in asdict(self).items()}


@dataclass(frozen=True)
class CurvePoint:
    """How many scans are done some hours after the start."""

    hours: float
    done: Band


@dataclass(frozen=True, kw_only=True)
class Simulation:
    """What the replications gave.

    Attributes
    ----------
    finish_hours
        When the last scan is done.
    usd
        The whole bill; `attempts_usd`, `rest_usd` and `logs_usd` are the medians of its parts.
    lost_scans
        Scans that lost their instance in every attempt.
    reclaimed
        Instances that AWS took back.
    instances, most_at_once
        Instances in all, and scans in progress at the same time.
    curve
        Scans done over time.
    """

    scan_count: int
    replications: int
    finish_hours: Band
    usd: Band
    attempts_usd: float
    rest_usd: float
    logs_usd: float
    lost_scans: Band
    reclaimed: Band
    instances: Band
    most_at_once: int
    curve: tuple[CurvePoint, ...]

    @property
    def usd_per_scan(self) -> float:
        """The median of the bill, divided by all scans."""
        return self.usd.p50 / self.scan_count

    def as_json(self) -> dict[str, Any]:
        """The result in `--json`."""
        return {
            "scans": self.scan_count,
            "replications": self.replications,
            "finish_hours": self.finish_hours.as_json(),
            "usd": self.usd.as_json(),
            "usd_per_scan": round(self.usd_per_scan, 5),
            "usd_parts": {
                "attempts": round(self.attempts_usd, 4),
                "start_and_idle": round(self.rest_usd, 4),
                "logs": round(self.logs_usd, 4),
            },
            "lost_scans": self.lost_scans.as_json(1),
            "reclaimed_instances": self.reclaimed.as_json(1),
            "instances": self.instances.as_json(1),
            "most_scans_at_once": self.most_at_once,
            "scans_done": [{"hours": round(point.hours, 4), **point.done.as_json(1)} for point in self.curve],
        }


def replications_for(setup: Setup) -> int:
    """How many replications an answer has: an event for each scan, two for each instance."""
    events = setup.scan_count + 2 * min(setup.scan_count, setup.fleet.most_instances)
    return min(_MOST_REPLICATIONS, max(_LEAST_REPLICATIONS, _EVENTS_IN_ALL // events))


def simulate(setup: Setup, generator: np.random.Generator, *, replications: int | None = None) -> Simulation:
    """Play a run through many times.

    Parameters
    ----------
    generator
        The same state gives the same result.
    replications
        None: as many as fit into about a second.
    """
    count = replications or replications_for(setup)
    played = [
        play(setup.fleet, setup.times, scan_count=setup.scan_count, slowdown=setup.slowdown, generator=stream)
        for stream in generator.spawn(count)
    ]
    bills = [bill_of(playthrough, setup) for playthrough in played]
    return Simulation(
        scan_count=setup.scan_count,
        replications=count,
        finish_hours=Band.of([playthrough.finish_hours for playthrough in played]),
        usd=Band.of([bill.usd for bill in bills]),
        attempts_usd=Band.of([bill.attempts_usd for bill in bills]).p50,
        rest_usd=Band.of([bill.rest_usd for bill in bills]).p50,
        logs_usd=Band.of([bill.logs_usd for bill in bills]).p50,
        lost_scans=Band.of([playthrough.lost_scans for playthrough in played]),
        reclaimed=Band.of([playthrough.reclaimed for playthrough in played]),
        instances=Band.of([len(playthrough.instances) for playthrough in played]),
        most_at_once=max(playthrough.most_scans for playthrough in played),
        curve=_curve(played),
    )


def bill_of(playthrough: Playthrough, setup: Setup) -> Bill:
    """The bill of a replication: the instances' hours at the rates of `opsctl cost`, and the logs."""
    whole_usd = playthrough.instance_hours * setup.rates.usd_per_instance_hour
    attempts_usd = playthrough.attempt_hours / setup.fleet.pack * setup.rates.usd_per_instance_hour
    return Bill(
        attempts_usd=attempts_usd,
        rest_usd=whole_usd - attempts_usd,
        logs_usd=playthrough.attempts * setup.log_usd_per_attempt,
    )


def _curve(played: Sequence[Playthrough]) -> tuple[CurvePoint, ...]:
    import numpy as np

    hours = np.linspace(0.0, max(playthrough.finish_hours for playthrough in played), _CURVE_POINTS)
    done = np.array([np.searchsorted(playthrough.done_at, hours, side="right") for playthrough in played])
    quantiles = np.quantile(done, (0.1, 0.5, 0.9), axis=0).T
    return tuple(CurvePoint(float(hour), Band(*map(float, row))) for hour, row in zip(hours, quantiles, strict=True))
