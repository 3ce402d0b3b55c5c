"""A run as it is simulated: its setup, and every assumption with its source."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from opsctl.core.costs.estimate import Hours, Rates
from opsctl.core.costs.prices import LOG_USD_PER_GB
from opsctl.core.simulation.choice import Choice
from opsctl.core.simulation.fleet import Fleet
from opsctl.core.simulation.reclaims import ASSUMED_PER_HOUR, ASSUMED_WAVE_SHARE, ReclaimRate
from opsctl.core.simulation.scan_times import ASSUMED_SPREAD, ScanTimes
from opsctl.core.simulation.simulation import Setup
from opsctl.core.simulation.what_if import ZONES, Place, WhatIf

#: Assumed where no self-test has measured an instance's start (docs/explanation/simulation.md has the sources).
BOOT_HOURS, PULL_HOURS = 3 / 60, 8 / 60
#: How much the start of one instance differs from another's: the standard deviation of its logarithm. Assumed.
START_SPREAD = 0.2
#: How long an instance without a scan runs on. Assumed: AWS Batch documents no figure.
TAIL_HOURS = 5 / 60
#: What an attempt writes into its log. Assumed.
LOG_MB = 1.0

_ASSUMED = "assumed"
_AT_ONCE = "instances at once"


@dataclass(frozen=True)
class Assumption:
    """A figure that the simulation rests on, and where it comes from, in words."""

    name: str
    value: str
    source: str


@dataclass(frozen=True, kw_only=True)
class PlannedRun:
    """A run as it is simulated."""

    place: Place
    choice: Choice
    setup: Setup
    assumptions: tuple[Assumption, ...]

    def with_instances(self, count: int, *, limit: str) -> PlannedRun:
        """The same run with another number of instances at once.

        Parameters
        ----------
        limit
            What limits them, in words.
        """
        at_once = Assumption(_AT_ONCE, f"{count:,}", limit)
        return replace(
            self,
            choice=replace(self.choice, most_instances=count, limit=limit, quota_request=""),
            setup=replace(self.setup, fleet=replace(self.setup.fleet, most_instances=count)),
            assumptions=tuple(at_once if each.name == _AT_ONCE else each for each in self.assumptions),
        )

    def as_json(self) -> dict[str, Any]:
        """What is simulated, in `--json`."""
        choice, rates = self.choice, self.setup.rates
        return {
            "model": self.place.model,
            "region": self.place.region,
            "instance_type": choice.size.instance_type,
            "kind": rates.kind,
            "pack": choice.pack,
            "slowdown": choice.slowdown,
            "most_instances": choice.most_instances,
            "limit": choice.limit,
            "root_volume_gib": choice.root_volume_gib,
            "usd_per_instance_hour": round(rates.usd_per_instance_hour, 5),
            "complete": rates.is_complete,
            "assumptions": [asdict(assumption) for assumption in self.assumptions],
        }


def planned_run(
    place: Place, what_if: WhatIf, choice: Choice, *, scan_count: int, hours: Hours, rates: Rates
) -> PlannedRun:
    """The setup of a run's simulation.

    Parameters
    ----------
    hours
        How long a scan takes, from `opsctl.commands.costs.cost.finished_hours`: what the estimate uses as well.
    rates
        Of the chosen instance and its disk.
    """
    times = ScanTimes.of(hours)
    per_hour = (ASSUMED_PER_HOUR if what_if.reclaims is None else what_if.reclaims) if choice.spot else 0.0
    zones = place.zones or ZONES
    start_hours = hours.startup.hours if hours.startup else BOOT_HOURS + PULL_HOURS
    fleet = Fleet(
        pack=choice.pack,
        most_instances=choice.most_instances,
        start_hours=start_hours,
        start_spread=START_SPREAD,
        tail_hours=TAIL_HOURS,
        attempts=place.attempts,
        reclaims=ReclaimRate(per_hour=per_hour, zones=zones),
    )
    setup = Setup(
        scan_count=scan_count,
        fleet=fleet,
        times=times,
        rates=rates,
        slowdown=choice.slowdown,
        log_usd_per_attempt=LOG_MB / 1000 * LOG_USD_PER_GB,
    )
    return PlannedRun(
        place=place,
        choice=choice,
        setup=setup,
        assumptions=(
            *_about_scans(hours, times, choice, what_if),
            *_about_instances(hours, fleet, place, what_if),
            *_about_money(choice, rates, place),
        ),
    )


def _about_scans(hours: Hours, times: ScanTimes, choice: Choice, what_if: WhatIf) -> list[Assumption]:
    transfer = sum(time.transfer_hours for time in times.times) / len(times.times)
    if times.spread:
        value = f"{_minutes(hours.per_scan)} on average, log-normal with a spread of {ASSUMED_SPREAD:.0%}"
        source = f"{hours.source}; the spread is assumed"
    else:
        value = f"drawn from {len(times.times):,} finished scans, {_minutes(times.mean_hours)} on average"
        source = hours.source
    assumptions = [
        Assumption("time of a scan", value, source),
        Assumption(
            "of it, inputs and outputs", _minutes(transfer), _ASSUMED if times.spread else "measured by the same scans"
        ),
    ]
    if choice.pack > 1:
        slowdown = "as long as alone" if choice.slowdown == 1 else f"{choice.slowdown:g} times as long as alone"
        if hours.scans_per_instance > 1:
            slowdown = "nothing is added"
        slowdown_source = "--slowdown" if what_if.slowdown is not None else "a core for each scan: assumed"
        if what_if.slowdown is None and choice.slowdown > 1:
            slowdown_source = "two scans share a core: assumed, measured by nobody yet"
        if hours.scans_per_instance > 1:
            slowdown_source = f"those scans were measured with {hours.scans_per_instance} on an instance"
        assumptions += [
            Assumption("m2g beside other scans", slowdown, slowdown_source),
            Assumption(
                "memory of a scan",
                f"at most {choice.job_memory_mib:,} MiB",
                "the instance's, divided; not checked here",
            ),
        ]
    return assumptions


def _about_instances(hours: Hours, fleet: Fleet, place: Place, what_if: WhatIf) -> list[Assumption]:
    if hours.startup:
        start = Assumption(
            "start of an instance", _minutes(hours.startup.hours), f"the self-test of {hours.startup.measured_on}"
        )
    else:
        value = f"{_minutes(BOOT_HOURS)} to boot and {_minutes(PULL_HOURS)} to pull the image"
        start = Assumption("start of an instance", value, f"{_ASSUMED}; `opsctl selftest` measures it")
    rate = fleet.reclaims
    reclaims = Assumption("instances taken back", "none", "on demand")
    if rate.per_hour or place.spot or what_if.spot:
        zones = f"{rate.zones} zones, {ASSUMED_WAVE_SHARE:.0%} of a zone at a time"
        reclaims = Assumption(
            "instances taken back",
            f"{rate.per_hour * 100:g} of 100 in an hour ({zones})",
            "--reclaims" if what_if.reclaims is not None else f"{_ASSUMED}: AWS publishes monthly classes only",
        )
    return [
        start,
        Assumption("spread of that time", f"{fleet.start_spread:.0%}", _ASSUMED),
        Assumption("an idle instance ends after", _minutes(fleet.tail_hours), _ASSUMED),
        reclaims,
        Assumption("attempts of a scan", f"{place.attempts}", "the job definition"),
    ]


def _about_money(choice: Choice, rates: Rates, place: Place) -> list[Assumption]:
    return [
        Assumption(_AT_ONCE, f"{choice.most_instances:,}", choice.limit),
        Assumption("price of an instance", rates.price_text, f"{place.region}, {rates.kind}: {rates.source}"),
        Assumption("logs", f"{LOG_MB:g} MB an attempt", f"assumed; ${LOG_USD_PER_GB:g} per GB (us-east-1)"),
    ]


def _minutes(hours: float) -> str:
    return f"{hours * 60:.0f} min" if hours >= 2 / 60 or not hours else f"{hours * 3600:.0f} s"
