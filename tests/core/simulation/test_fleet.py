"""The events of a simulated run: nothing is lost, nothing runs twice, and without chance it is a formula."""

from __future__ import annotations

import heapq
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsctl.core.simulation.fleet import Fleet, Playthrough, play
from opsctl.core.simulation.reclaims import ReclaimRate
from opsctl.core.simulation.scan_times import ScanTimes

NEVER = ReclaimRate(per_hour=0.0, zones=3)
PLAIN = Fleet(pack=1, most_instances=4, start_hours=0.2, tail_hours=0.1, attempts=5, reclaims=NEVER)
GUIDE = ScanTimes.around(65 / 60)

fleets = st.builds(
    Fleet,
    pack=st.integers(1, 4),
    most_instances=st.integers(1, 9),
    start_hours=st.floats(0, 1),
    tail_hours=st.floats(0, 1),
    attempts=st.integers(1, 5),
    start_spread=st.sampled_from([0.0, 0.3]),
    reclaims=st.builds(
        ReclaimRate, per_hour=st.floats(0, 1), zones=st.integers(1, 4), wave_share=st.sampled_from([0.1, 0.5, 1.0])
    ),
)


def played(fleet: Fleet, *, scans: int, seed: int = 1, times: ScanTimes = GUIDE, slowdown: float = 1.0) -> Playthrough:
    return play(fleet, times, scan_count=scans, slowdown=slowdown, generator=np.random.default_rng(seed))


@settings(max_examples=150, deadline=None)
@given(fleet=fleets, scans=st.integers(1, 60), seed=st.integers(0, 1000))
def test_each_scan_is_done_or_lost_once_and_no_slot_holds_two(fleet: Fleet, scans: int, seed: int) -> None:
    result = played(fleet, scans=scans, seed=seed)
    assert len(result.done_at) + result.lost_scans == scans
    assert result.done_at == sorted(result.done_at)
    assert result.most_instances <= fleet.most_instances
    assert result.most_scans <= fleet.pack * fleet.most_instances
    assert scans <= result.attempts <= scans * fleet.attempts
    # Slots are paid for whether they hold a scan or not.
    assert result.attempt_hours <= fleet.pack * result.instance_hours + 1e-9
    assert all(0 <= begin <= end for begin, end in result.instances)
    assert result.finish_hours <= max(end for _, end in result.instances) + 1e-9
    assert 0 <= result.reclaimed <= len(result.instances)


@settings(max_examples=60, deadline=None)
@given(fleet=fleets, scans=st.integers(1, 60), seed=st.integers(0, 1000))
def test_the_instances_in_service_at_one_time_are_within_the_limit(fleet: Fleet, scans: int, seed: int) -> None:
    result = played(fleet, scans=scans, seed=seed)
    changes = sorted(change for begin, end in result.instances for change in ((begin, 1), (end, -1)))
    running = most = 0
    for _, change in changes:
        running += change
        most = max(most, running)
    assert most <= fleet.most_instances and running == 0


@pytest.mark.parametrize("scans", [1, 3, 4, 5, 17])
@pytest.mark.parametrize("pack", [1, 2, 3])
@pytest.mark.parametrize("most", [1, 4, 100])
def test_without_chance_it_is_a_formula(scans: int, pack: int, most: int) -> None:
    hours, times = 1.5, ScanTimes.around(1.5, spread=0.0)
    result = played(replace(PLAIN, pack=pack, most_instances=most), scans=scans, times=times)
    instances = min(most, math.ceil(scans / pack))
    waves, rest = divmod(scans, instances * pack)
    assert result.finish_hours == pytest.approx(0.2 + math.ceil(scans / (instances * pack)) * hours)
    assert result.instance_hours == pytest.approx(
        instances * (0.2 + 0.1 + waves * hours) + math.ceil(rest / pack) * hours
    )


def test_a_slowdown_lengthens_m2g_and_not_the_copying() -> None:
    times = ScanTimes.around(1.0, spread=0.0)
    result = played(replace(PLAIN, pack=2), scans=2, times=times, slowdown=1.5)
    assert result.finish_hours == pytest.approx(0.2 + 1 / 60 + 1.5 * 59 / 60)


@settings(max_examples=60, deadline=None)
@given(scans=st.integers(1, 80), most=st.integers(1, 12), seed=st.integers(0, 1000))
def test_the_finish_is_that_of_a_queue_computed_without_events(scans: int, most: int, seed: int) -> None:
    """Another way to the same: each scan in turn goes to the machine that is free first."""
    of_scans = np.random.default_rng(seed).spawn(4)[0]
    hours = GUIDE.draw(of_scans, scans, slowdown=1.0)
    free_at = [0.2] * min(most, scans)
    ends = []
    for each in hours:
        ends.append(heapq.heappop(free_at) + each)
        heapq.heappush(free_at, ends[-1])
    result = played(replace(PLAIN, most_instances=most), scans=scans, seed=seed)
    assert result.done_at == pytest.approx(sorted(ends))
    # Each instance waits its tail after its last scan.
    assert result.instance_hours == pytest.approx(sum(free_at) + 0.1 * len(free_at))


@settings(max_examples=40, deadline=None)
@given(scans=st.integers(1, 60), most=st.integers(1, 8), pack=st.integers(1, 3), seed=st.integers(0, 1000))
def test_more_instances_never_finish_later(scans: int, most: int, pack: int, seed: int) -> None:
    def finish(instances: int) -> float:
        return played(replace(PLAIN, pack=pack, most_instances=instances), scans=scans, seed=seed).finish_hours

    assert finish(most + 1) <= finish(most) + 1e-9


def test_the_same_seed_gives_the_same_and_another_another() -> None:
    fleet = replace(PLAIN, reclaims=ReclaimRate(per_hour=0.2, zones=2), start_spread=0.2)
    first, again, other = (played(fleet, scans=50, seed=seed) for seed in (3, 3, 4))
    assert first == again
    assert first.done_at != other.done_at


@pytest.mark.parametrize("wave_share", [0.05, 0.5])
def test_instances_are_taken_back_as_often_as_the_rate_says(wave_share: float) -> None:
    rate = ReclaimRate(per_hour=0.2, zones=3, wave_share=wave_share)
    fleet = replace(PLAIN, most_instances=20, reclaims=rate)
    results = [played(fleet, scans=400, seed=seed) for seed in range(20)]
    per_hour = sum(result.reclaimed for result in results) / sum(result.instance_hours for result in results)
    assert per_hour == pytest.approx(0.2, rel=0.15)


def test_a_wave_that_takes_a_whole_zone_takes_all_its_instances_at_once() -> None:
    rate = ReclaimRate(per_hour=0.5, zones=1, wave_share=1.0)
    result = played(replace(PLAIN, most_instances=10, reclaims=rate), scans=10, seed=2)
    first_end = min(end for _, end in result.instances)
    assert result.reclaimed >= 10
    assert sum(end == first_end for _, end in result.instances) == 10


def test_a_scan_is_tried_as_often_as_the_job_definition_says() -> None:
    often: dict[str, Any] = {"reclaims": ReclaimRate(per_hour=1.0, zones=3), "most_instances": 10}
    once, five = (played(replace(PLAIN, attempts=attempts, **often), scans=200) for attempts in (1, 5))
    assert once.attempts == 200 and once.lost_scans > 40
    assert five.lost_scans < once.lost_scans and five.attempts > 200


def test_an_idle_instance_takes_a_scan_that_lost_another() -> None:
    # Two instances in two zones; the tail is long, so the scan that is lost finds the other instance idle.
    rate = ReclaimRate(per_hour=0.4, zones=2, wave_share=1.0)
    fleet = replace(PLAIN, most_instances=2, tail_hours=50.0, reclaims=rate)
    woken = [
        result
        for result in (played(fleet, scans=2, seed=seed) for seed in range(60))
        if result.attempts == 3 and len(result.instances) == 2
    ]
    assert woken and all(len(result.done_at) == 2 for result in woken)
