"""What each lever changes of a csd scan's price, against a table that was computed before packing was built.

Its setting: us-east-1, Spot at 0.3 of the price, a scan of 65 minutes, 3 minutes to boot, 8 to pull, 5 at the end.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from opsctl.core.costs.estimate import GUIDE_HOURS, Rates, hours_of
from opsctl.core.costs.prices import rates_of
from opsctl.core.simulation.choice import choose
from opsctl.core.simulation.planned_run import BOOT_HOURS, PULL_HOURS, TAIL_HOURS, planned_run
from opsctl.core.simulation.simulation import simulate
from opsctl.core.simulation.what_if import Place, WhatIf
from opsctl.core.sizing.packing import RESTART_HOURS
from opsctl.core.sizing.slowdown import slowdown_of

SPOT = rates_of("r5.large", region="us-east-1", spot=True, root_volume_gib=100)


def usd_per_scan(
    in_turn: int, *, pack: int = 1, slowdown: float = 1.35, rates: Rates = SPOT, pull_hours: float = PULL_HOURS
) -> float:
    """What a scan costs on an instance that processes so many in each of its places, one after the other."""
    start = BOOT_HOURS + pull_hours + TAIL_HOURS
    hours = GUIDE_HOURS * slowdown_of(pack, vcpus=2, slowdown=slowdown)
    return (start + in_turn * hours) * rates.usd_per_instance_hour / (in_turn * pack)


def test_today() -> None:
    assert usd_per_scan(9) == pytest.approx(0.0598, abs=5e-5)
    assert usd_per_scan(1) == pytest.approx(0.0726, abs=5e-5)
    assert pytest.approx(BOOT_HOURS + PULL_HOURS + TAIL_HOURS) == RESTART_HOURS


@pytest.mark.parametrize(
    ("lever", "nine", "one"),
    [
        ({"pack": 2}, -33, -36),
        ({"pack": 2, "slowdown": 1.0}, -50, -50),
        ({"rates": replace(SPOT, root_volume_gib=40)}, -12, -12),
        ({"rates": replace(SPOT, address_usd_per_hour=0.0)}, -9, -9),
        ({"pull_hours": 0.5 / 60}, -1, -9),
        ({"pull_hours": 4 / 60}, -1, -5),
    ],
    ids=["two", "two without a slowdown", "a disk of 40 GiB", "no address", "image in the AMI", "a faster pull"],
)
def test_a_lever(lever: dict[str, object], nine: int, one: int) -> None:
    for in_turn, percent in ((9, nine), (1, one)):
        change = usd_per_scan(in_turn, **lever) / usd_per_scan(in_turn) - 1  # type: ignore[arg-type]
        assert round(100 * change) == percent


#: Larger instances at 10,000 scans: the table's figures are of another simulation, whose queue and reclaims differ.
@pytest.mark.parametrize(
    ("what_if", "percent"),
    [
        (WhatIf(instance="r5.4xlarge"), -25),
        (WhatIf(instance="r5.xlarge"), -15),
        (WhatIf(instance="r5.4xlarge", pack=16), -46),
    ],
    ids=["8 on an r5.4xlarge", "2 on an r5.xlarge", "16 on an r5.4xlarge"],
)
def test_larger_instances(what_if: WhatIf, percent: int) -> None:
    assert 100 * (_bill(what_if) / _bill(WhatIf()) - 1) == pytest.approx(percent, abs=3)


def _bill(what_if: WhatIf, scans: int = 10_000) -> float:
    place = replace(Place.by_default("csd", region="us-east-1"), spot=True)
    choice = choose(place, what_if)
    rates = rates_of(choice.size.instance_type, region="us-east-1", spot=True, root_volume_gib=choice.root_volume_gib)
    planned = planned_run(place, what_if, choice, scan_count=scans, hours=hours_of([], kind="dwi csd"), rates=rates)
    return simulate(planned.setup, np.random.default_rng(3), replications=2).usd.p50
