"""A run over time beside its simulation: when how many scans were done."""

from __future__ import annotations

import numpy as np
import pytest
from support.core_examples import DOLLAR

from opsctl.core.simulation.fleet import Fleet
from opsctl.core.simulation.reclaims import ReclaimRate
from opsctl.core.simulation.run_course import RunCourse
from opsctl.core.simulation.scan_times import ScanTimes
from opsctl.core.simulation.simulation import Setup, Simulation, simulate

FLEET = Fleet(
    pack=1,
    most_instances=5,
    start_hours=0.5,
    tail_hours=0.0,
    attempts=1,
    reclaims=ReclaimRate(per_hour=0.0, zones=1),
)


def simulated(scans: int, *, spread: float = 0.0) -> Simulation:
    setup = Setup(scan_count=scans, fleet=FLEET, times=ScanTimes.around(1.0, spread=spread), rates=DOLLAR)
    return simulate(setup, np.random.default_rng(1), replications=20)


def course(scans: int, done: int, expected: Simulation | None) -> RunCourse:
    done_at = tuple(2.0 + number for number in range(done))
    return RunCourse(scan_count=scans, done_at=done_at, until=2.0 + done, expected=expected, basis=())


def test_a_run_by_hand() -> None:
    # Ten scans of an hour on five instances that start in half an hour: five at 1.5 h, five at 2.5 h.
    half, nine, whole = course(10, 9, simulated(10)).milestones
    assert [milestone.scans for milestone in (half, nine, whole)] == [5, 9, 10]
    assert (half.real, nine.real, whole.real) == (6.0, 10.0, None)
    assert half.expected is not None and whole.expected is not None
    # The plot has points, the next one after the scan is done.
    assert half.expected.p50 == pytest.approx(1.5, abs=2.5 / 119)
    assert whole.expected.p50 == pytest.approx(2.5)


def test_the_band_is_in_order() -> None:
    for milestone in course(40, 40, simulated(40, spread=0.5)).milestones:
        band = milestone.expected
        assert band is not None and band.p10 <= band.p50 <= band.p90


def test_few_scans_have_few_milestones_and_nothing_simulated_has_no_band() -> None:
    assert [milestone.scans for milestone in course(1, 1, None).milestones] == [1]
    assert [milestone.scans for milestone in course(3, 0, None).milestones] == [2, 3]
    assert all(milestone.expected is None for milestone in course(3, 0, None).milestones)
    assert course(3, 2, None).end == 4.0
    assert course(10, 0, simulated(10)).end == pytest.approx(2.5)
