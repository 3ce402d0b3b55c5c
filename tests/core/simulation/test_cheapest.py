"""The number of instances that costs least and ends a run in time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from support.core_examples import DOLLAR

from opsctl.core.simulation.cheapest import cheapest_instances
from opsctl.core.simulation.fleet import Fleet
from opsctl.core.simulation.reclaims import ReclaimRate
from opsctl.core.simulation.scan_times import ScanTimes
from opsctl.core.simulation.simulation import Setup, simulate

FLEET = Fleet(
    pack=1,
    most_instances=64,
    start_hours=0.25,
    tail_hours=0.0,
    attempts=1,
    reclaims=ReclaimRate(per_hour=0.0, zones=1),
)
CERTAIN = Setup(scan_count=64, fleet=FLEET, times=ScanTimes.around(1.0, spread=0.0), rates=DOLLAR)


def with_instances(setup: Setup, count: int) -> Setup:
    return replace(setup, fleet=replace(setup.fleet, most_instances=count))


@pytest.mark.parametrize(
    ("hours", "most"),
    [
        # By hand: n instances end in 0.25 h + ceil(64 / n) h, so the fewest that end in time.
        (1.25, 64),
        (2.3, 45),
        (4.3, 22),
        (70.0, 2),
    ],
)
def test_it_is_in_time_and_costs_less_than_all_of_them(hours: float, most: int) -> None:
    count = cheapest_instances(CERTAIN, within_hours=hours, seed=1)
    assert count is not None and count <= most
    chosen = simulate(with_instances(CERTAIN, count), np.random.default_rng(1), replications=1)
    whole = simulate(CERTAIN, np.random.default_rng(1), replications=1)
    assert chosen.finish_hours.p90 <= hours
    assert chosen.usd.p50 <= whole.usd.p50


def test_nothing_is_in_time() -> None:
    assert cheapest_instances(CERTAIN, within_hours=1.2, seed=1) is None


def test_more_time_never_costs_more() -> None:
    setup = replace(CERTAIN, times=ScanTimes.around(1.0), fleet=replace(FLEET, start_spread=0.2, tail_hours=0.1))
    bills = []
    for hours in (3.0, 5.0, 9.0, 20.0):
        count = cheapest_instances(setup, within_hours=hours, seed=1)
        assert count is not None
        bills.append(simulate(with_instances(setup, count), np.random.default_rng(1), replications=20).usd.p50)
    assert bills == sorted(bills, reverse=True)
