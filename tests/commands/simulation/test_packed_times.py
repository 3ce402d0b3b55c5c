"""Times of scans that shared an instance have the slowdown in them: they are used for such scans, and for no others."""

from __future__ import annotations

from typing import Any

import pytest
from support.core_examples import DOLLAR
from support.example_platform import platform
from support.finished_runs import FinishedRuns

from opsctl.commands.costs.cost import finished_hours
from opsctl.commands.simulation.simulate import SimulatedRun, simulated_run
from opsctl.core.costs.estimate import Hours
from opsctl.core.simulation.what_if import Place, WhatIf

PLATFORM = platform()
FIRST, SECOND, THIRD = (f"HNU1-2026112{day}-120000-ab12" for day in (1, 2, 3))
ALONE, PACKED = [60.0] * 6, [90.0] * 7


def simulated(runs: FinishedRuns, **what_if: Any) -> SimulatedRun:
    def hours_of_pack(pack: int) -> Hours:
        return finished_hours(runs.records, platform=PLATFORM, model="csd", scans_per_instance=pack)

    return simulated_run(
        Place.of(PLATFORM, "csd", account=None),
        WhatIf(**what_if),
        scan_count=4,
        hours_of_pack=hours_of_pack,
        rates_of_choice=lambda _: DOLLAR,
        seed=1,
        replications=1,
    )


def minutes_of(played: SimulatedRun) -> float:
    """How long a scan takes in the simulation, on average."""
    setup = played.planned.setup
    return 60 * setup.times.mean_hours_at(setup.slowdown)


@pytest.mark.parametrize(
    ("what_if", "minutes", "source"),
    [
        ({}, 60, "with an instance of their own; those that shared one do not count"),
        # As they were, and not 1.35 times as long.
        ({"pack": 2}, 90, "with 2 on an instance; others do not count"),
        # Whoever types a slowdown asks about the scans that had an instance for themselves.
        ({"pack": 2, "slowdown": 1.5}, 0.5 + 1.5 * 59.5, "with an instance of their own"),
        # Two on the larger instance have a core each, so the times of two on one core are not theirs.
        ({"pack": 2, "instance": "r5.xlarge"}, 60, "with an instance of their own"),
    ],
)
def test_each_number_of_scans_has_its_own_times(what_if: dict[str, Any], minutes: float, source: str) -> None:
    runs = FinishedRuns()
    runs.add(FIRST, ALONE)
    runs.add(SECOND, PACKED, scans_per_instance=2)
    played = simulated(runs, **what_if)
    assert minutes_of(played) == pytest.approx(minutes)
    assert source in played.planned.assumptions[0].source


def test_without_packed_scans_the_slowdown_is_assumed() -> None:
    runs = FinishedRuns()
    runs.add(FIRST, ALONE)
    played = simulated(runs, pack=2)
    assert minutes_of(played) == pytest.approx(0.5 + 1.35 * 59.5)
    assert played.planned.as_json()["slowdown"] == 1.35


def test_packed_scans_alone_say_nothing_of_a_scan_with_an_instance_of_its_own() -> None:
    runs = FinishedRuns()
    runs.add(FIRST, PACKED, scans_per_instance=2)
    played = simulated(runs)
    assert 60 * played.planned.setup.times.mean_hours == pytest.approx(65)
    assert "guide" in played.planned.assumptions[0].source
    assert "those that shared one do not count" in played.planned.assumptions[0].source
    packed = simulated(runs, pack=2)
    assert packed.planned.setup.times.mean_hours == pytest.approx(1.5)
    names = {each.name: each for each in packed.planned.assumptions}
    assert names["m2g beside other scans"].value == "nothing is added"


def test_two_on_an_instance_of_the_other_model_are_no_measure() -> None:
    # `--memory` may send csd scans to csa's larger instances.
    runs = FinishedRuns()
    runs.add(FIRST, PACKED, scans_per_instance=2, resources="csa")
    hours = finished_hours(runs.records, platform=PLATFORM, model="csd", scans_per_instance=2)
    assert not hours.is_measured
    hours = finished_hours(runs.records, platform=PLATFORM, model="csd", scans_per_instance=2, resources="csa")
    assert hours.is_measured and hours.scans_per_instance == 2


def test_a_run_and_the_later_ones_can_be_left_out() -> None:
    runs = FinishedRuns()
    for run_id, minutes in ((FIRST, 10.0), (SECOND, 20.0), (THIRD, 30.0)):
        runs.add(run_id, [minutes] * 5)

    def minutes_before(run_id: str) -> float:
        return 60 * finished_hours(runs.records, platform=PLATFORM, model="csd", before=run_id).per_scan

    assert [minutes_before(run_id) for run_id in (FIRST, SECOND, THIRD, "")] == pytest.approx([65, 10, 20, 30])
