"""The bench's figures: what a row is made of, and that docs/performance.md says what bench/results.json holds."""

from __future__ import annotations

import json

import pytest
from support.repository import ROOT

from bench import cost
from bench.measurements import Machine, Measurements, replace_table
from bench.row import Row, absolute_row, ratio_row

RESULTS = ROOT / "bench" / "results.json"
PROMISED = {"step", "ours", "plain", "peer", "ratio", "bar", "held"}


def test_a_ratio_is_the_median_of_the_pairs_own() -> None:
    row = ratio_row("x", ours=[1, 2, 9], plain=[10, 10, 10], bar=0.25)
    assert (row.ours, row.plain, row.ratio, row.held) == (2, 10, 0.2, True)
    assert (row.ratio_min, row.ratio_max, row.pairs) == (0.1, 0.9, 3)


def test_without_a_plain_way_it_is_the_peers() -> None:
    row = ratio_row("x", ours=[3.0], peer=[4.0], bar=0.5)
    assert (row.plain, row.peer, row.ratio, row.held) == (None, 4, 0.75, False)


def test_a_row_alone_is_held_to_its_own_figure() -> None:
    assert absolute_row("x", ours=[0.4, 0.5, 0.9], bar=0.5).held
    assert not absolute_row("x", ours=[0.6], bar=0.5).held


def test_a_step_measured_anew_replaces_its_rows_only() -> None:
    def row(step: str, ours: float) -> Row:
        return absolute_row(step, ours=[ours], bar=1)

    machine, order = Machine("m", "d"), ["a", "b"]
    first = Measurements().with_rows("b", [row("b1", 1)], machine, order=order)
    both = first.with_rows("a", [row("a1", 1), row("a2", 1)], machine, order=order)
    again = both.with_rows("a", [row("a1", 2)], machine, order=order)
    assert [(row["step"], row["ours"]) for row in again.rows] == [("a1", 2), ("b1", 1)]
    assert set(again.rows[0]) >= PROMISED


def test_the_plot_has_a_line_of_run_and_one_of_each_verb_and_nothing_else() -> None:
    rows = {
        "growth": ["discover and submit 100 scans", "memory of 100 scans"],
        "largest": [
            "discover and submit 100,000 scans",
            "report of 10,000 scans",
            "discover in 1,000,000 keys: memory",
        ],
        "verbs": ["status of 300 scans"],
    }
    measurements = Measurements()
    for number, (module, steps) in enumerate(rows.items()):
        of_module = [absolute_row(step, ours=[number], bar=1) for step in steps]
        measurements = measurements.with_rows(module, of_module, Machine("m", "d"), order=list(rows))
    growth = measurements.growth("s")
    assert growth == {"discover and submit": {100: 0, 100_000: 1}, "status": {300: 2}}


def test_the_table_goes_between_its_marks() -> None:
    page = "a\n<!-- measured: begin -->\nold\n<!-- measured: end -->\nz\n"
    assert replace_table(page, "new\n") == page.replace("old", "new")


def test_the_docs_say_what_was_measured() -> None:
    measurements = Measurements.read(RESULTS)
    if not measurements.rows:
        pytest.skip("nothing was measured yet")
    page = (ROOT / "docs" / "performance.md").read_text()
    assert replace_table(page, measurements.markdown()) == page, "python -m bench --write-docs"
    assert all(set(row) >= PROMISED for row in json.loads(RESULTS.read_text()))


def test_the_bars_of_cost_are_held() -> None:
    rows = cost.measure()
    assert [row.held for row in rows] == [True, True, True, True]
    assert "aws_batch_compute_environment" in cost.resource_types()
