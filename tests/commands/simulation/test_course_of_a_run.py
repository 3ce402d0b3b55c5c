"""How a run went, from its results, beside a simulation from what was known before it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from support.core_examples import DOLLAR
from support.example_platform import platform
from support.finished_runs import FinishedRuns
from support.report_world import START, Scene, scene

from opsctl.commands.simulation.run_course import run_course
from opsctl.core.platform.platform import Platform
from opsctl.core.runs.manifest import Origin, Run
from opsctl.core.runs.snapshot import RunSnapshot
from opsctl.core.simulation.run_course import RunCourse

PLATFORM = platform()
LOCAL = platform(endpoint_url="http://127.0.0.1:1")
EARLIER = "HNU1-20261101-120000-ab12"


def course(
    shown: Scene, *, runs: FinishedRuns | None = None, place: Platform = PLATFORM, **changes: Any
) -> RunCourse | None:
    report = shown.report
    run: Run = replace(report.run, **changes)
    snapshot = RunSnapshot(
        run=run,
        at=START + timedelta(hours=5),
        results=report.results,
        attempts=report.attempts,
        jobs={},
        indices=tuple(range(len(run.scans))),
    )
    return run_course(snapshot, platform=place, records=(runs or FinishedRuns()).records, rates=DOLLAR)


def test_the_scans_are_done_when_their_results_say_so() -> None:
    shown = scene(["DONE", "DONE", "FAILED", "DONE"], pictures=1)
    told = course(shown)
    assert told is not None and told.scan_count == 4
    ends = sorted(result.stopped_at for result in shown.report.results.values() if result.succeeded)
    assert [round(hours * 3600) for hours in told.done_at] == [
        round((end - START).total_seconds()) for end in map(type(START).fromisoformat, ends)
    ]


def test_scans_of_earlier_runs_are_theirs() -> None:
    shown = scene(["DONE", "DONE", "DONE"], pictures=1)
    told = course(shown, sizes=(2,), adopted=(Origin(EARLIER, 4),))
    assert told is not None and (told.scan_count, len(told.done_at)) == (2, 2)
    assert course(shown, sizes=(), adopted=tuple(Origin(EARLIER, index) for index in range(3))) is None


def test_it_is_simulated_from_what_was_known_before_it() -> None:
    runs = FinishedRuns()
    runs.add(EARLIER, [120.0] * 6, model="csa", resources="csa")
    shown = scene(["DONE"] * 12, pictures=1)
    told = course(shown, runs=runs, scans_at_once=4)
    assert told is not None and told.expected is not None
    # Twelve scans of two hours, four at once, after an instance's start.
    assert told.expected.finish_hours.p50 == pytest.approx(6.2, abs=0.15)
    (basis,) = told.basis
    assert "what was known before it" in basis and "at most 4 scans at once" in basis
    assert "drawn from 6 finished scans, 120 min" in basis
    # Its own scans, which the run knows only afterwards, change nothing.
    runs.add(shown.report.run.run_id, [10.0] * 12, model="csa", resources="csa")
    again = course(shown, runs=runs, scans_at_once=4)
    assert again is not None and again.expected == told.expected


def test_without_earlier_scans_it_is_the_guides_time() -> None:
    told = course(scene(["DONE"] * 6, pictures=1))
    assert told is not None and "65 minutes a scan (the m2g guide's figure" in told.basis[0]


@pytest.mark.parametrize(("done", "is_simulated"), [(6, True), (3, False)])
def test_the_previews_scans_are_measured_by_themselves(done: int, *, is_simulated: bool) -> None:
    shown = scene(["DONE"] * done, pictures=1, is_local=True)
    for place in (LOCAL, PLATFORM):
        told = course(shown, place=place)
        assert told is not None and (told.expected is not None) == is_simulated
        assert ("own" in told.basis[0]) == is_simulated
        assert is_simulated or "not simulated: fewer than 5" in told.basis[0]


def test_a_run_on_this_machine_is_played_with_its_slots() -> None:
    shown = scene(["DONE"] * 8, pictures=1, is_local=True)
    told = course(shown, place=LOCAL)
    assert told is not None and told.expected is not None
    # All eight ran at the same time, so the last one ends it.
    assert "8 at once" in told.basis[0] or "9 at once" in told.basis[0]
    assert told.expected.finish_hours.p50 == pytest.approx(told.done_at[-1], rel=0.5)


def test_instances_that_the_simulation_does_not_know_are_said() -> None:
    odd = replace(PLATFORM.models["csa"], instance_type="m7g.large")
    told = course(scene(["DONE"] * 2, pictures=1), place=replace(PLATFORM, models={**PLATFORM.models, "csa": odd}))
    assert told is not None and told.expected is None
    assert "does not know m7g.large instances with 1 scan on each" in told.basis[0]
