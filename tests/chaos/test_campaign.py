"""The short campaign: some of everything that `make chaos` does at full length."""

from __future__ import annotations

from pathlib import Path

import pytest
from campaign import SHORT
from chaos_report import run_campaign

pytestmark = [pytest.mark.campaign, pytest.mark.timeout(1200)]

_SEED = 4


def test_nothing_is_lost_doubled_or_damaged_whatever_fails(tmp_path: Path) -> None:
    report = run_campaign(tmp_path, SHORT, seed=_SEED)
    print("\n".join(report.lines()))
    assert (report.lost, report.doubled, report.damaged) == ([], [], [])
    assert report.wrong == []
    assert sum(report.faults.values()) >= SHORT.scans
    assert sum(report.kills.values()) >= SHORT.kills
