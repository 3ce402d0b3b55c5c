"""The table of runs as people and scripts see it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from support.batch_world import RATES
from support.windows import terminal

from opsctl.commands.runs.run_list import RunLine, RunList
from opsctl.core.runs.snapshot import Pricing
from opsctl.render.runs import show_runs
from opsctl.render.screen import Screen

NOW = datetime(2026, 11, 22, 14, 0, tzinfo=UTC)
LINE = RunLine(
    run_id="HNU1-20261122-120000-abcd",
    dataset="s3://data/HNU1",
    output="s3://data/HNU1/derivatives/m2g-csa-native",
    options={"seeds": 1},
    created_at="2026-11-22T12:00:00Z",
    created_by="ada",
    total=8,
    done=5,
    failed=1,
    cancelled=2,
    active=0,
    resources="csa",
    paid_hours=10.0,
)


def listed(*, is_local: bool = False, **changes: Any) -> RunList:
    prices = {"csa": Pricing(rates=RATES, is_local=is_local)}
    return RunList(lines=(replace(LINE, **changes),), earlier=0, unread=(), pricing=prices)


def test_a_terminal_has_a_header_above_each_column() -> None:
    screen, window = terminal(160)
    show_runs(screen, listed(), now=NOW, data_bucket="data")
    header, line, about_costs = window.lines
    for title, cell in {
        "RUN": "HNU1-20261122",
        "BY": "ada",
        "STARTED": "2 h ago",
        "DATASET": "HNU1 ",
        "SCANS DONE": "5 of 8, 1 failed, 2 cancelled",
        "OUTPUT": "m2g-csa-native --seeds 1",
    }.items():
        assert line[header.index(title) :].startswith(cell), (title, line)
    assert "about $" in line
    assert "charged" in about_costs


def test_a_pipe_has_the_runs_only(capsys: pytest.CaptureFixture[str]) -> None:
    show_runs(Screen(), listed(is_local=True), now=NOW, data_bucket="data")
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 1
    assert "The costs are what AWS would charge" in err


@pytest.mark.parametrize("columns", [40, 80])
def test_a_narrow_window_shows_every_cell(columns: int) -> None:
    screen, window = terminal(columns)
    show_runs(screen, listed(), now=NOW, data_bucket="data")
    text = " ".join(" ".join(window.lines).split())
    # No header explains the cells.
    for cell in ("HNU1-20261122-120000-abcd", "by ada", "started 2 h ago", "5 of 8 done, 1 failed", "m2g-csa-native"):
        assert cell in text
    assert "STARTED" not in text
    assert all(len(line) <= columns for line in window.lines)


def test_a_run_without_known_prices_has_no_cost() -> None:
    screen, window = terminal(160)
    show_runs(screen, replace(listed(), pricing={}), now=NOW)
    assert "$" not in window.getvalue()
    assert "The costs are" not in window.getvalue()
