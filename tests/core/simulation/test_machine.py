"""A run on one machine: what is measured of some jobs, and what the simulation makes of it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsctl.core.simulation.machine import TimedJob, machine_setup, most_at_once
from opsctl.core.simulation.simulation import simulate


def jobs_of(*times: tuple[float, float]) -> list[TimedJob]:
    return [TimedJob(*each) for each in times]


@pytest.mark.parametrize(
    ("times", "most"),
    [
        ([(0, 1)], 1),
        ([(0, 1), (1, 2)], 1),
        ([(0, 2), (1, 3)], 2),
        ([(0, 4), (1, 2), (2, 3), (3, 5)], 2),
        ([(0, 9), (1, 9), (2, 9)], 3),
    ],
)
def test_the_slots_are_those_that_were_used(times: list[tuple[float, float]], most: int) -> None:
    assert most_at_once(jobs_of(*times)) == most


def test_a_run_by_hand() -> None:
    # Two slots; the first jobs begin 1 h after the submission, and 0.5 h pass between two jobs of a slot.
    jobs = jobs_of((1, 3), (1, 3), (3.5, 5.5), (3.5, 5.5))
    setup = machine_setup(jobs, slots=2, scan_count=7)
    assert (setup.fleet.start_hours, setup.fleet.pack, setup.fleet.most_instances) == (1.0, 2, 1)
    assert {(time.transfer_hours, time.m2g_hours) for time in setup.times.times} == {(0.5, 2.0)}
    # Seven scans in two slots: four after one another in the longer one.
    finish = simulate(setup, np.random.default_rng(1), replications=3).finish_hours
    assert finish.p10 == finish.p50 == finish.p90 == pytest.approx(1 + 4 * 2.5)


@settings(max_examples=30, deadline=None)
@given(
    slots=st.integers(1, 4),
    lengths=st.lists(st.floats(0.5, 2.0), min_size=8, max_size=40),
    start=st.floats(0, 1),
    gap=st.floats(0, 0.2),
)
def test_played_again_it_ends_about_when_it_did(slots: int, lengths: list[float], start: float, gap: float) -> None:
    free_at = [start] * slots
    jobs = []
    for length in lengths:
        slot = free_at.index(min(free_at))
        jobs.append(TimedJob(free_at[slot], free_at[slot] + length))
        free_at[slot] = jobs[-1].stopped + gap
    setup = machine_setup(jobs, slots=slots, scan_count=len(jobs))
    finish = simulate(setup, np.random.default_rng(1), replications=60).finish_hours
    end = max(job.stopped for job in jobs)
    # Scans are drawn with replacement, and in another order.
    spread = 4 * 1.5 * (len(lengths) / slots) ** 0.5 / slots**0.5 * 0.5 + 1.5 + gap
    assert abs(finish.p50 - end) < spread
