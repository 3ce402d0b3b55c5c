"""What each part of the simulation does: one tiny run worked out by hand, and the direction of its effect."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import cycle
from typing import Any

import numpy as np
import pytest
from support.core_examples import DOLLAR
from support.example_platform import platform

from opsctl.core.costs.estimate import Startup, hours_of
from opsctl.core.simulation.choice import choose
from opsctl.core.simulation.fleet import Fleet, Playthrough, play
from opsctl.core.simulation.planned_run import planned_run
from opsctl.core.simulation.reclaims import ReclaimRate
from opsctl.core.simulation.scan_times import ScanTime, ScanTimes
from opsctl.core.simulation.simulation import Setup, Simulation, bill_of, simulate
from opsctl.core.simulation.what_if import Place, WhatIf

NEVER = ReclaimRate(per_hour=0.0, zones=1)
FLEET = Fleet(pack=1, most_instances=1, start_hours=0.25, tail_hours=0.1, attempts=5, reclaims=NEVER)
CSD = Place.by_default("csd", region="us-east-1")


class Certain:
    """Chance that is known: reclaims come after these hours, and scans take the given times in turn."""

    def __init__(self, reclaims: Sequence[float] = ()) -> None:
        self._reclaims: Iterator[float] = cycle(reclaims)

    def spawn(self, count: int) -> list[Certain]:
        return [self] * count

    def exponential(self, _: float) -> float:
        return next(self._reclaims)

    def geometric(self, share: float) -> int:
        assert share == 1.0
        return 1

    def integers(self, count: int, *, size: int) -> Any:
        return np.arange(size) % count


def by_hand(fleet: Fleet, *hours: float, scans: int, reclaims: Sequence[float] = ()) -> Playthrough:
    times = ScanTimes(tuple(ScanTime(0.0, each) for each in hours))
    generator: Any = Certain(reclaims)
    return play(fleet, times, scan_count=scans, slowdown=1.0, generator=generator)


def simulated(what_if: WhatIf, *, scans: int = 60, place: Place = CSD, **hours: Any) -> Simulation:
    known = replace(hours_of([], kind="dwi csd"), **hours)
    planned = planned_run(place, what_if, choose(place, what_if), scan_count=scans, hours=known, rates=DOLLAR)
    return simulate(planned.setup, np.random.default_rng(1), replications=20)


def test_a_reclaim_by_hand() -> None:
    # Every 2 h the instance is taken back. The second scan begins at 1.75 h, loses 0.25 h and runs again from 2.25 h.
    rate = ReclaimRate(per_hour=0.5, zones=1, wave_share=1.0)
    result = by_hand(replace(FLEET, reclaims=rate), 1.5, scans=2, reclaims=[2.0])
    assert result.done_at == pytest.approx([1.75, 3.75])
    assert (result.attempts, result.reclaimed, result.lost_scans) == (3, 1, 0)
    assert result.attempt_hours == pytest.approx(1.5 + 0.25 + 1.5)
    assert result.instances == [(0.0, 2.0), (2.0, pytest.approx(3.85))]


def test_a_retry_by_hand() -> None:
    # An instance of 2 h has 1.75 h for a scan, so one of 1.9 h loses each of its three attempts.
    rate = ReclaimRate(per_hour=0.5, zones=1, wave_share=1.0)
    result = by_hand(replace(FLEET, reclaims=rate, attempts=3), 1.9, scans=1, reclaims=[2.0])
    assert (result.attempts, result.lost_scans, result.done_at) == (3, 1, [])
    assert result.finish_hours == pytest.approx(6.0)
    assert result.attempt_hours == pytest.approx(3 * 1.75)


def test_zones_by_hand() -> None:
    # The first zone's instance is taken back at 1 h, the second's stays: only one scan runs again.
    rate = ReclaimRate(per_hour=0.5, zones=2, wave_share=1.0)
    fleet = replace(FLEET, most_instances=2, reclaims=rate)
    result = by_hand(fleet, 1.5, scans=2, reclaims=[1.0, 50.0, 50.0])
    assert result.done_at == pytest.approx([1.75, 1.25 + 1.5])
    assert (result.attempts, result.reclaimed) == (3, 1)


def test_idle_slots_and_tails_by_hand() -> None:
    # Scans of 1 h and 3 h share an instance: one slot waits for the other, and the instance for its end.
    fleet = replace(FLEET, pack=2)
    result = by_hand(fleet, 1.0, 3.0, scans=2)
    assert result.instances == [(0.0, pytest.approx(0.25 + 3.0 + 0.1))]
    setup = Setup(scan_count=2, fleet=fleet, times=ScanTimes.around(1.0), rates=DOLLAR)
    bill, an_hour = bill_of(result, setup), DOLLAR.usd_per_instance_hour
    assert bill.attempts_usd == pytest.approx((1.0 + 3.0) / 2 * an_hour)
    assert bill.rest_usd == pytest.approx((0.25 + 2.0 / 2 + 0.1) * an_hour)


def test_staging_by_hand() -> None:
    # A quarter of an hour of copying in each scan, which a slowdown does not lengthen.
    times = ScanTimes((ScanTime(0.25, 1.0),))
    generator: Any = Certain()
    for slowdown, finish in ((1.0, 0.25 + 1.25), (2.0, 0.25 + 0.25 + 2.0)):
        result = play(replace(FLEET, pack=2), times, scan_count=2, slowdown=slowdown, generator=generator)
        assert result.finish_hours == pytest.approx(finish)


def test_boot_and_pull_are_on_every_instance() -> None:
    # Without a self-test 3 and 8 minutes; measured ones take their place.
    start = Startup(hours=1.0, measured_on="2026-11-01")
    assumed, measured = (
        planned_run(CSD, WhatIf(), choose(CSD, WhatIf()), scan_count=1, hours=hours, rates=DOLLAR).setup.fleet
        for hours in (hours_of([], kind="x"), replace(hours_of([], kind="x"), startup=start))
    )
    assert (assumed.start_hours, measured.start_hours) == (pytest.approx(11 / 60), 1.0)
    short = simulated(WhatIf())
    longer = simulated(WhatIf(), startup=start)
    assert longer.finish_hours.p50 - short.finish_hours.p50 == pytest.approx(1.0 - 11 / 60, abs=0.3)
    # Sixty instances, each of which starts 49 minutes longer.
    assert longer.usd.p50 - short.usd.p50 == pytest.approx(60 * 49 / 60 * DOLLAR.usd_per_instance_hour, rel=0.05)


@pytest.mark.parametrize(
    ("less", "more"),
    [
        (WhatIf(spot=False), WhatIf(spot=True)),
        (WhatIf(spot=True, reclaims=0.05), WhatIf(spot=True, reclaims=0.5)),
        (WhatIf(quota=64), WhatIf(quota=16)),
        (WhatIf(quota=16, scans=60), WhatIf(quota=16, scans=120)),
        (WhatIf(pack=2, slowdown=1.2), WhatIf(pack=2, slowdown=1.6)),
    ],
)
def test_what_makes_a_run_take_longer(less: WhatIf, more: WhatIf) -> None:
    short, longer = (simulated(what_if, scans=what_if.scans or 60) for what_if in (less, more))
    assert short.finish_hours.p50 < longer.finish_hours.p50


@pytest.mark.parametrize(
    ("less", "more"),
    [
        # At the same price of an instance.
        (WhatIf(pack=2), WhatIf()),
        (WhatIf(quota=16), WhatIf()),
        (WhatIf(spot=True, reclaims=0.0), WhatIf(spot=True, reclaims=0.3)),
        (WhatIf(pack=2, slowdown=1.0), WhatIf(pack=2, slowdown=1.6)),
    ],
)
def test_what_makes_a_run_cost_more(less: WhatIf, more: WhatIf) -> None:
    assert simulated(less).usd.p50 < simulated(more).usd.p50


def test_a_wave_in_one_of_three_zones_takes_fewer_instances_at_once() -> None:
    def most_at_once(zones: int) -> int:
        rate = ReclaimRate(per_hour=0.5, zones=zones, wave_share=1.0)
        fleet = replace(FLEET, most_instances=12, reclaims=rate)
        result = play(fleet, ScanTimes.around(1.0), scan_count=12, slowdown=1.0, generator=np.random.default_rng(5))
        ends = [end for _, end in result.instances]
        return max(ends.count(end) for end in ends)

    assert most_at_once(1) == 12 and most_at_once(3) <= 4


def test_more_attempts_lose_fewer_scans() -> None:
    def lost(attempts: int) -> float:
        example = replace(platform(spot=True), options={"variables": {"attempts": attempts}})
        place = Place.of(example, "csd", account=None)
        return simulated(WhatIf(reclaims=0.8), scans=200, place=place).lost_scans.p50

    assert lost(1) > lost(2) > lost(5)
