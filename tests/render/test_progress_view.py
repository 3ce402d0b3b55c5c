"""The lines about running scans: the phase, the time so far and what is left; few of many."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.golden import golden
from support.view_examples import GRAPHS, PHASE, detail, progress, run, status
from support.windows import plain, terminal

from opsctl.core.runs.phase import Phase
from opsctl.render.progress import progress_lines, progress_text
from opsctl.render.scan_detail import show_detail
from opsctl.render.status import watching


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({}, "tractography, 41 min so far, about 20 min left"),
        ({"remaining_seconds": None}, "tractography, 41 min so far"),
        ({"remaining_seconds": 5400.0}, "tractography, 41 min so far, about 1 h 30 min left"),
        ({"remaining_seconds": 59.9}, "tractography, 41 min so far, less than a minute left"),
        ({"remaining_seconds": 60.0, "seconds": 45.0}, "tractography, 45 s so far, about 1 min left"),
        ({"phase": None}, "41 min so far, about 20 min left"),
        (
            {"phase": GRAPHS, "seconds": 7500.0},
            "graphs 12 of 45, 2 h 05 min so far, about 20 min left",
        ),
        ({"phase": Phase(name="graphs", number=12, **PHASE)}, "graphs 12, 41 min so far, about 20 min left"),
        ({"phase": Phase(name="a\x1b[2Jb", **PHASE)}, "ab, 41 min so far, about 20 min left"),
    ],
)
def test_a_line(changes: dict[str, object], text: str) -> None:
    assert progress_text(progress(4, **changes)) == text


def test_of_many_running_scans_ten_have_a_line() -> None:
    eddy = Phase(name="eddy correction", **PHASE)
    many = [
        progress(index, seconds=9000.0 - index, phase=eddy if index > 11 else None or progress(0).phase)
        for index in range(15)
    ]
    lines = [line.plain for line in progress_lines(reversed(many))]
    assert [line.split()[0] for line in lines[:10]] == [f"sub-{index:02d}/ses-1" for index in range(10)]
    assert lines[10:] == ["and 5 scans more that run: 3 in eddy correction, 2 in tractography"]


def test_a_scan_whose_phase_is_not_known_has_no_line() -> None:
    assert progress_lines([progress(1, phase=None)]) == []


@pytest.mark.parametrize(
    ("columns", "name"), [(120, "status.phases.widest"), (80, "status.phases.wide"), (40, "status.phases.narrow")]
)
def test_the_watched_screen(columns: int, name: str) -> None:
    screen, window = terminal(columns, height=9)
    shown = replace(
        status("DONE", "RUNNING", "RUNNING"),
        progress={1: progress(1, phase=GRAPHS), 2: progress(2, seconds=65.0, remaining_seconds=None)},
    )
    with watching(screen) as show:
        show(shown)
    last = plain(window.getvalue().partition("\x1b[?1049l")[0].rpartition("\x1b[H")[2])
    assert max(map(len, last.splitlines())) <= columns
    golden(name, last)


def test_the_scan_whole() -> None:
    screen, window = terminal(80)
    show_detail(screen, replace(detail("RUNNING", has_result=False), progress=progress(0)), run=run())
    golden("status.scan_running", plain(window.getvalue()))
