"""The comparison of costs: a line worked out by hand, the simulation without chance, and what the page says."""

from __future__ import annotations

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


def test_the_page_has_the_line_by_hand() -> None:
    for figure in ("227.03", "$11.36", "$52.96"):
        assert figure in PAGE
