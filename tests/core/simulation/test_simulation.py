"""Finish and bill over many replications, and how they stand to the estimate of `run` and the bill of `cost`."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from support.core_examples import DOLLAR
from support.example_platform import platform

from opsctl.core.costs.estimate import Startup, estimate, hours_of
from opsctl.core.simulation.fleet import Fleet, play
from opsctl.core.simulation.reclaims import ReclaimRate
from opsctl.core.simulation.scan_times import ScanTime, ScanTimes
from opsctl.core.simulation.simulation import Setup, Simulation, bill_of, replications_for, simulate

FLEET = Fleet(
    pack=1,
    most_instances=8,
    start_hours=0.2,
    tail_hours=0.1,
    attempts=5,
    reclaims=ReclaimRate(per_hour=0.05, zones=3),
)
SETUP = Setup(scan_count=40, fleet=FLEET, times=ScanTimes.around(65 / 60), rates=DOLLAR, log_usd_per_attempt=0.001)
#: Nothing varies, nothing is lost.
CERTAIN = replace(
    SETUP,
    fleet=replace(FLEET, reclaims=ReclaimRate(per_hour=0.0, zones=3)),
    times=ScanTimes.around(65 / 60, spread=0.0),
    log_usd_per_attempt=0.0,
)


def simulated(setup: Setup, *, replications: int = 30, seed: int = 1) -> Simulation:
    return simulate(setup, np.random.default_rng(seed), replications=replications)


def test_the_bill_is_the_sum_over_the_instances_and_their_logs() -> None:
    setup = replace(SETUP, fleet=replace(FLEET, pack=2), slowdown=1.35)
    result = play(setup.fleet, setup.times, scan_count=40, slowdown=1.35, generator=np.random.default_rng(7))
    bill = bill_of(result, setup)
    instances = sum((end - begin) * DOLLAR.usd_per_hour for begin, end in result.instances)
    assert bill.usd == pytest.approx(instances + 0.001 * result.attempts)
    assert bill.attempts_usd == pytest.approx(result.attempt_hours / 2 * DOLLAR.usd_per_hour)
    assert min(bill.attempts_usd, bill.rest_usd, bill.logs_usd) > 0


def test_the_scans_own_time_is_what_the_estimate_of_run_says() -> None:
    example, hours = platform(), hours_of([], kind="dwi csd")
    estimated = estimate(example, example.models["csd"], scan_count=40, rates=DOLLAR, hours=hours, at_once=8)
    simulation = simulated(CERTAIN)
    assert simulation.attempts_usd == pytest.approx(estimated.usd)
    assert simulation.finish_hours.p50 == pytest.approx(estimated.wall_hours + 0.2)


def test_with_a_measured_start_only_the_idle_time_is_beside_the_estimate() -> None:
    example = platform()
    hours = replace(hours_of([], kind="dwi csd"), startup=Startup(hours=0.2, measured_on="2026-11-01"))
    estimated = estimate(example, example.models["csd"], scan_count=40, rates=DOLLAR, hours=hours, at_once=8)
    simulation = simulated(CERTAIN)
    assert simulation.usd.p50 == pytest.approx(estimated.usd + 8 * 0.1 * DOLLAR.usd_per_hour)
    assert simulation.finish_hours.p50 == pytest.approx(estimated.wall_hours)


def test_on_average_the_scans_take_what_the_estimate_counts() -> None:
    setup = replace(SETUP, fleet=CERTAIN.fleet, log_usd_per_attempt=0.0)
    mean = simulated(setup, replications=200).attempts_usd
    assert mean == pytest.approx(simulated(CERTAIN).attempts_usd, rel=0.01)


def test_a_band_is_in_order_and_empty_without_chance() -> None:
    simulation = simulated(SETUP)
    for band in (simulation.finish_hours, simulation.usd, simulation.lost_scans, simulation.instances):
        assert band.p10 <= band.p50 <= band.p90
    assert simulation.finish_hours.p10 < simulation.finish_hours.p90
    certain = simulated(CERTAIN).finish_hours
    assert certain.p10 == certain.p90


def test_the_same_seed_gives_the_same_document() -> None:
    assert simulated(SETUP).as_json() == simulated(SETUP).as_json() != simulated(SETUP, seed=2).as_json()


def test_the_curve_rises_from_nothing_to_all_scans() -> None:
    curve = simulated(SETUP).curve
    assert (curve[0].hours, curve[0].done.p50, curve[-1].done.p10) == (0.0, 0, 40)
    for earlier, later in pairwise(curve):
        assert earlier.hours < later.hours and earlier.done.p50 <= later.done.p50


def test_finished_scans_are_drawn_as_they_were() -> None:
    times = ScanTimes((ScanTime(0.1, 1.0), ScanTime(0.2, 3.0)))
    drawn = set(times.draw(np.random.default_rng(1), 50, slowdown=2.0))
    assert drawn == {0.1 + 2.0, 0.2 + 6.0}
    assert times.mean_hours == pytest.approx(2.15)


def test_a_small_run_has_many_replications_and_a_large_one_at_least_five() -> None:
    counts = [replications_for(replace(SETUP, scan_count=scans)) for scans in (1, 300, 10_000, 100_000)]
    assert counts == sorted(counts, reverse=True)
    assert counts[0] == 100 and counts[2] >= 10 and counts[3] == 5
