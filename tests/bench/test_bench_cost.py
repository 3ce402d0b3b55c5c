"""The comparison of costs: a line worked out by hand, the simulation without chance, and what the page says."""

from __future__ import annotations

import heapq
import itertools
import math
import random
import statistics
from dataclasses import replace

import numpy as np
import pytest
from support.repository import ROOT

from bench import cost
from bench.cost_settings import ALONE, FEW_VCPUS, GUIDE, LARGER, MANY_VCPUS, PACKED, SETTINGS, compare, usd_by_formula
from opsctl.core.simulation.reclaims import ReclaimRate
from opsctl.core.simulation.scan_times import ScanTimes
from opsctl.core.simulation.simulation import simulate

PAGE = (ROOT / "docs" / "cost-compared.md").read_text()


def test_a_line_is_what_it_is_by_hand() -> None:
    # docs/cost-compared.md has the same steps.
    packed = compare("csd", 300, FEW_VCPUS["csd"], PACKED)
    instances, waves = 64 // 2, 4 * 32 + 44 / 2
    minutes = instances * (3 + 8 + 5) + waves * (1 + 64 * 1.35)
    usd = minutes / 60 * (0.126 * 0.3 + 60 * 0.08 / 730 + 0.005) + 300 * 0.0005
    assert packed.usd_by_formula == pytest.approx(usd)
    assert usd == pytest.approx(11.36, abs=0.005)


def test_the_guides_line_is_what_it_is_by_hand() -> None:
    guide = compare("csd", 300, MANY_VCPUS["csd"], GUIDE)
    usd = (256 * 16 + 300 * 65) / 60 * (0.126 + 30 * 0.08 / 730 + 0.005) + 300 * 0.0005
    assert guide.usd_by_formula == pytest.approx(usd)
    assert usd == pytest.approx(52.96, abs=0.005)


def usd_another_way(
    scans: int, *, instances: int, slots: int, usd_per_hour: float, m2g_minutes: float, reclaims: float, seed: int
) -> float:
    """A line with chance, without opsctl: each scan takes the slot that is free first. In minutes.

    Each instance is taken back on its own, after a time that is exponentially distributed, and others take its place.
    """
    chance = random.Random(seed)

    def varying(mean: float, spread: float) -> float:
        return mean * math.exp(chance.gauss(-(spread**2) / 2, spread))

    left, events, minutes, logs = scans, [], 0.0, 0
    order = itertools.count()

    def launch(now: float) -> None:
        ready = now + varying(11, 0.2)
        taken = now + (chance.expovariate(reclaims / 60) if reclaims else math.inf)
        instance = {"begin": now, "taken": taken, "busy": 0, "ended": False}
        heapq.heappush(events, (ready, next(order), instance, slots, False))

    def begin(instance: dict[str, float], now: float) -> None:
        nonlocal left, logs
        left, logs = left - 1, logs + 1
        instance["busy"] += 1
        end = now + 1 + varying(m2g_minutes, 0.25)
        is_lost = end > instance["taken"]
        heapq.heappush(events, (min(end, instance["taken"]), next(order), instance, 0, is_lost))

    for _ in range(min(instances, math.ceil(scans / slots))):
        launch(0.0)
    while events:
        now, _, instance, new_slots, is_lost = heapq.heappop(events)
        instance["busy"] -= not new_slots
        left += is_lost
        if is_lost and not instance["ended"]:
            instance["ended"], minutes = True, minutes + now - instance["begin"]
            launch(now)
        for _ in range(new_slots or 1):
            if left and not instance["ended"]:
                begin(instance, now)
        if not instance["busy"] and not instance["ended"]:
            instance["ended"], minutes = True, minutes + now + 5 - instance["begin"]
    return minutes / 60 * usd_per_hour + logs * 0.0005


def test_lines_with_chance_are_what_they_are_another_way() -> None:
    guide = compare("csd", 300, MANY_VCPUS["csd"], GUIDE)
    packed = compare("csd", 300, FEW_VCPUS["csd"], PACKED)
    settings: list[tuple[float, dict[str, float], float]] = [
        (
            guide.simulation.usd.p50,
            {"instances": 256, "slots": 1, "m2g_minutes": 64, "reclaims": 0},
            0.126 + 30 * 0.08 / 730 + 0.005,
        ),
        (
            packed.simulation.usd.p50,
            {"instances": 32, "slots": 2, "m2g_minutes": 64 * 1.35, "reclaims": 0.05},
            0.126 * 0.3 + 60 * 0.08 / 730 + 0.005,
        ),
    ]
    for usd, setting, usd_per_hour in settings:
        others = [
            usd_another_way(300, usd_per_hour=usd_per_hour, seed=seed, **setting)  # type: ignore[arg-type]
            for seed in range(40)
        ]
        assert usd == pytest.approx(statistics.median(others), rel=0.03)


@pytest.mark.parametrize("setting", [GUIDE, ALONE, PACKED, LARGER])
@pytest.mark.parametrize("scans", [30, 300, 1000])
def test_the_formula_is_the_simulation_without_chance(setting: object, scans: int) -> None:
    setup = compare("csd", 1, 64, setting).planned.setup  # type: ignore[arg-type]
    certain = replace(
        setup,
        scan_count=scans,
        times=ScanTimes.around(65 / 60, spread=0.0),
        fleet=replace(setup.fleet, start_spread=0.0, reclaims=ReclaimRate(per_hour=0.0, zones=3)),
    )
    simulation = simulate(certain, np.random.default_rng(1), replications=1)
    assert simulation.usd.p50 == pytest.approx(usd_by_formula(certain))


def test_the_page_says_what_is_computed() -> None:
    lines = [compare("csd", 30, MANY_VCPUS["csd"], setting) for setting in SETTINGS["csd"]]
    for row in cost.table_rows(lines):
        assert f"| {' | '.join(row)} |" in PAGE, "python -m bench.cost --write-docs"


def test_the_page_says_what_holds_where() -> None:
    guide = compare("csd", 300, MANY_VCPUS["csd"], GUIDE).usd_per_scan

    def share(vcpus: int, disk_gib: int) -> float:
        return compare("csd", 300, vcpus, replace(PACKED, disk_gib=disk_gib)).usd_per_scan / guide

    (small,) = [line for line in PAGE.splitlines() if line.startswith("| 2 scans an instance, 1.35 times as long, 60")]
    (default,) = [line for line in PAGE.splitlines() if line.startswith("| the same with opsctl's default disk")]
    for line, disk_gib in ((small, 60), (default, 100)):
        for cell, vcpus in zip(line.split("|")[2:5], (512, 96, 64), strict=True):
            value = share(vcpus, disk_gib)
            assert cell.split()[0].rstrip(":") == f"{value:.2f}"
            assert ("not met" in cell) == (value > 0.24)


def test_the_page_has_the_line_by_hand() -> None:
    for figure in ("227.03", "$11.36", "$52.96"):
        assert figure in PAGE
