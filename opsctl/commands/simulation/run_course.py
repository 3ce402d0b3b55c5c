"""How a run went over time, beside a simulation from what was known when it was submitted."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from opsctl.commands.costs.cost import finished_hours
from opsctl.commands.runs.records import Records
from opsctl.commands.simulation.simulate import simulated_run
from opsctl.core.costs.attempt_durations import hours_between
from opsctl.core.costs.estimate import ENOUGH_SCANS, Hours, Rates, hours_of
from opsctl.core.counted import counted
from opsctl.core.errors import Problem
from opsctl.core.platform.platform import Platform
from opsctl.core.preview import is_preview
from opsctl.core.runs.manifest import Run
from opsctl.core.runs.result import Result
from opsctl.core.runs.snapshot import RunSnapshot
from opsctl.core.simulation.instance_size import instance_size
from opsctl.core.simulation.machine import TimedJob, machine_setup, most_at_once
from opsctl.core.simulation.run_course import RunCourse
from opsctl.core.simulation.simulation import Simulation, simulate
from opsctl.core.simulation.what_if import Place, WhatIf

_SEED = 1
#: A page is written in seconds: so many replications of a small run, and of one with more scans than this.
_REPLICATIONS, _FEW_REPLICATIONS, _MANY_SCANS = 40, 5, 1_000


def run_course(snapshot: RunSnapshot, *, platform: Platform, records: Records, rates: Rates) -> RunCourse | None:
    """How a run went over time, and what the simulation expects of it; None where it submitted no scan.

    Parameters
    ----------
    snapshot
        Of the whole run.
    rates
        Of its instances.
    """
    run = snapshot.run
    own = [index for index in range(run.submitted_count) if run.scans[index]]
    if not own:
        return None
    created = datetime.fromisoformat(run.created_at)

    def after(moment: str) -> float:
        return max(0.0, hours_between(created, datetime.fromisoformat(moment)))

    results = [result for index in own if (result := snapshot.results.get(index)) and result.succeeded]
    jobs = [
        TimedJob(after(attempt.started_at), after(attempt.stopped_at))
        for index in own
        for attempt in snapshot.attempts.get(index, ())
        if attempt.started_at and attempt.stopped_at
    ]
    done_at = sorted(after(result.stopped_at) for result in results)
    last = max([*done_at, *(job.stopped for job in jobs)], default=0.0)
    if platform.is_local:
        expected, basis = _on_this_machine(jobs, scan_count=len(own))
    else:
        expected, basis = _on_aws(run, results, scan_count=len(own), platform=platform, records=records, rates=rates)
    return RunCourse(
        scan_count=len(own),
        done_at=tuple(done_at),
        until=last if snapshot.status.is_over else max(last, hours_between(created, snapshot.at)),
        expected=expected,
        basis=basis,
    )


def _on_this_machine(jobs: Sequence[TimedJob], *, scan_count: int) -> tuple[Simulation | None, tuple[str, ...]]:
    if len(jobs) < ENOUGH_SCANS:
        return None, (f"It is not simulated: fewer than {ENOUGH_SCANS} attempts have ended.",)
    import numpy as np

    slots = most_at_once(jobs)
    setup = machine_setup(jobs, slots=slots, scan_count=scan_count)
    simulation = simulate(setup, np.random.default_rng(_SEED), replications=_replications(scan_count))
    return simulation, (
        f"Simulated from the times of its own {counted(len(jobs), 'attempt')} on this machine, {slots} at once:"
        " their order is left to chance.",
    )


def _on_aws(
    run: Run, results: Sequence[Result], *, scan_count: int, platform: Platform, records: Records, rates: Rates
) -> tuple[Simulation | None, tuple[str, ...]]:
    own_hours = _own_hours(run, results)

    def hours_of_pack(pack: int) -> Hours:
        earlier = finished_hours(
            records,
            platform=platform,
            model=run.model,
            pipeline=run.m2g.get("pipeline", "dwi"),
            reuses_registration=run.m2g.get("reuse_registration", False),
            scans_per_instance=pack,
            resources=run.resources,
            before=run.run_id,
        )
        # Neither the guide's figure nor m2g's times are the preview's.
        is_known = not is_preview(run.image) and not earlier.is_upper_bound
        return earlier if is_known else replace(own_hours, startup=earlier.startup)

    is_own = is_preview(run.image) or hours_of_pack(1).is_upper_bound
    if is_own and not own_hours.is_measured:
        return None, (f"It is not simulated: fewer than {ENOUGH_SCANS} scans like these have finished.",)
    resources = platform.models[run.resources]
    place = replace(
        Place.of(platform, run.resources, account=None),
        vcpus=run.vcpus or resources.vcpus,
        memory_mib=run.memory_mib or resources.memory_mib,
    )
    pack = run.scans_per_instance
    at_once = run.scans_at_once
    try:
        quota = None if at_once is None else math.ceil(at_once / pack) * instance_size(place.instance_type).vcpus
        played = simulated_run(
            place,
            WhatIf(pack=pack, quota=quota),
            scan_count=scan_count,
            hours_of_pack=hours_of_pack,
            rates_of_choice=lambda _: rates,
            seed=_SEED,
            replications=_replications(scan_count),
        )
    except Problem:
        sharing = f" with {counted(pack, 'scan')} on each"
        return None, (f"It is not simulated: the simulation does not know {place.instance_type} instances{sharing}.",)
    of_scan, choice = played.planned.assumptions[0], played.planned.choice
    at_most = counted(min(scan_count, choice.most_instances * pack), "scan")
    knowledge = "its own scans" if is_own else "what was known before it"
    return played.simulation, (
        f"Simulated from {knowledge}: {choice.text}, at most {at_most} at once; time of a scan: {of_scan.value};"
        f" {of_scan.source}.",
    )


def _own_hours(run: Run, results: Sequence[Result]) -> Hours:
    hours = hours_of(results, kind="own", scans_per_instance=run.scans_per_instance)
    return replace(hours, source=f"the run's own {counted(len(results), 'finished scan')}")


def _replications(scan_count: int) -> int:
    return _REPLICATIONS if scan_count <= _MANY_SCANS else _FEW_REPLICATIONS
