"""`size --instances` and `run`: what runs cost and take on each instance type, simulated."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from opsctl.core.costs.estimate import Hours, Rates
from opsctl.core.errors import Problem
from opsctl.core.simulation.choice import Choice, choose
from opsctl.core.simulation.planned_run import PlannedRun, planned_run
from opsctl.core.simulation.simulation import Simulation, simulate
from opsctl.core.simulation.what_if import Place, WhatIf
from opsctl.core.sizing.instance_offer import InstanceComparison, InstanceOffer, RunOnType

_SEED = 1
#: Of a run with more scans than this one fewer replications say enough: its bill varies by less than 1 %.
_MANY_SCANS = 3_000
_REPLICATIONS, _REPLICATIONS_OF_MANY = 10, 3
#: AWS is asked for the prices of all types at the same time.
_THREADS = 8


def compare_instances(
    place: Place,
    types: Sequence[str],
    *,
    allowed: Sequence[str],
    scan_counts: Sequence[int],
    hours: Hours,
    rates_of_choice: Callable[[Choice], Rates],
    slowdown: float | None = None,
) -> InstanceComparison:
    """Simulate runs on each instance type, by the simulation of `opsctl simulate`.

    Parameters
    ----------
    place
        With the jobs' size: Batch places as many on an instance as fit.
    types
        The model's own first.
    hours
        How long a scan takes on an instance of its own.
    rates_of_choice
        Returns what an instance costs; it is called from several threads.
    slowdown
        How many times longer a scan takes that shares a core; None: 1.35.
    """
    choices = {name: _choice(place, name, is_allowed=name in (types[0], *allowed)) for name in types}
    able = {name: choice for name, choice in choices.items() if isinstance(choice, Choice)}
    with ThreadPoolExecutor(_THREADS) as pool:
        rates = dict(zip(able, pool.map(rates_of_choice, able.values()), strict=True))
    # Instances of one size differ only in their price.
    played: dict[tuple[int, int], tuple[Simulation, Rates]] = {}
    offers: list[InstanceOffer] = []
    sources: list[str] = []
    for name, choice in choices.items():
        is_allowed = name in (types[0], *allowed)
        if isinstance(choice, Problem):
            offers.append(_no_offer(name, choice, is_allowed=is_allowed))
            continue
        runs = []
        for scans in scan_counts:
            planned = _planned(place, choice, slowdown, scan_count=scans, hours=hours, rates=rates[name])
            sources = sources or _sources(planned, rates[name])
            size = (choice.size.vcpus, scans)
            played[size] = played.get(size) or (_simulated(planned), rates[name])
            runs.append(_run_on_type(*played[size], rates=rates[name]))
        offers.append(
            InstanceOffer(
                instance_type=name,
                scans_on_each=choice.pack,
                is_allowed=is_allowed,
                usd_per_instance_hour=rates[name].usd_per_instance_hour,
                runs=tuple(runs),
            )
        )
    return InstanceComparison(
        model=place.model,
        region=place.region,
        kind="Spot" if place.spot else "on-demand",
        scan_counts=tuple(scan_counts),
        offers=tuple(offers),
        sources=tuple(sources),
        is_local=place.is_local,
        is_complete=all(each.is_complete for each in rates.values()),
        warning=next((each.warning for each in rates.values() if each.warning), ""),
    )


def _choice(place: Place, instance_type: str, *, is_allowed: bool) -> Choice | Problem:
    """The instances of one type; a problem where no run can take place on them."""
    try:
        choice = choose(place, WhatIf(instance=instance_type))
    except Problem as problem:
        return problem
    # All instances of a platform have the same disk, and it is there already.
    return replace(choice, root_volume_gib=place.root_volume_gib) if is_allowed else choice


def _no_offer(instance_type: str, problem: Problem, *, is_allowed: bool) -> InstanceOffer:
    return InstanceOffer(
        instance_type=instance_type,
        scans_on_each=0,
        is_allowed=is_allowed,
        usd_per_instance_hour=0.0,
        runs=(),
        why_not=problem.what,
    )


def _planned(
    place: Place, choice: Choice, slowdown: float | None, *, scan_count: int, hours: Hours, rates: Rates
) -> PlannedRun:
    if slowdown is not None and choice.slowdown > 1:
        choice = replace(choice, slowdown=slowdown)
    return planned_run(place, WhatIf(), choice, scan_count=scan_count, hours=hours, rates=rates)


def _simulated(planned: PlannedRun) -> Simulation:
    import numpy as np

    is_many = planned.setup.scan_count > _MANY_SCANS
    replications = _REPLICATIONS_OF_MANY if is_many else _REPLICATIONS
    return simulate(planned.setup, np.random.default_rng(_SEED), replications=replications)


def _run_on_type(simulation: Simulation, simulated_with: Rates, *, rates: Rates) -> RunOnType:
    """The run at another price of its instances."""
    logs_usd = simulation.logs_usd
    ratio = rates.usd_per_instance_hour / simulated_with.usd_per_instance_hour
    return RunOnType(
        scans=simulation.scan_count,
        usd=(simulation.usd.p50 - logs_usd) * ratio + logs_usd,
        finish_hours=simulation.finish_hours.p50,
        replications=simulation.replications,
    )


def _sources(planned: PlannedRun, rates: Rates) -> list[str]:
    """What the figures rest on: the assumptions of the simulation, and the prices' source."""
    names = ("time of a scan", "start of an instance", "an idle instance ends after", "instances taken back")
    by_name = {assumption.name: assumption for assumption in planned.assumptions}
    lines = [f"{name}: {by_name[name].value} ({by_name[name].source})" for name in names if name in by_name]
    return [*lines, f"{rates.kind} prices: {rates.source}"]
