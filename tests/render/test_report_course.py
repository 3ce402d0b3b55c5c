"""The report's section of scans done over time: the drawing, its table, and what it rests on."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from support.core_examples import DOLLAR
from support.report_world import scene

from opsctl.core.simulation.fleet import Fleet
from opsctl.core.simulation.reclaims import ReclaimRate
from opsctl.core.simulation.run_course import RunCourse
from opsctl.core.simulation.scan_times import ScanTimes
from opsctl.core.simulation.simulation import Setup, Simulation, simulate
from opsctl.render.report import page
from opsctl.render.report.course_plot import course_plot

FLEET = Fleet(
    pack=1,
    most_instances=20,
    start_hours=0.2,
    start_spread=0.2,
    tail_hours=0.1,
    attempts=5,
    reclaims=ReclaimRate(per_hour=0.05, zones=3),
)


def simulated(scans: int) -> Simulation:
    setup = Setup(scan_count=scans, fleet=FLEET, times=ScanTimes.around(65 / 60), rates=DOLLAR)
    return simulate(setup, np.random.default_rng(1), replications=20)


def course(scans: int, done: int, *, is_simulated: bool = True) -> RunCourse:
    return RunCourse(
        scan_count=scans,
        done_at=tuple(1.0 + number / 10 for number in range(done)),
        until=2.0 + done / 10,
        expected=simulated(scans) if is_simulated else None,
        basis=("Simulated from <nothing>.",),
    )


def coordinates(points: str) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in (point.split(",") for point in points.split())]


def html(told: RunCourse | None) -> str:
    shown = scene(["DONE", "DONE"], pictures=1)
    return "".join(page(shown.report, replace(shown.choice, assets=()), {}, course=told))


def test_the_line_rises_with_each_scan_and_stays_in_the_drawing() -> None:
    drawn = course_plot(course(30, 12))
    assert drawn is not None and drawn.is_simulated
    corners = coordinates(drawn.real)
    assert corners[0] == (44.0, 168.0)
    # Twelve steps of two corners each, from the origin to now.
    assert len(corners) == 1 + 2 * 12 + 1
    assert [x for x, _ in corners] == sorted(x for x, _ in corners)
    assert [y for _, y in corners] == sorted((y for _, y in corners), reverse=True)
    assert corners[-1][1] == pytest.approx(168 - 160 * 12 / 30, abs=0.01)
    for points in (drawn.real, drawn.band, drawn.median):
        assert all(44 <= x <= 330 and 8 <= y <= 168 for x, y in coordinates(points))


def test_a_large_run_is_a_small_drawing_that_ends_where_it_ended() -> None:
    large = RunCourse(
        scan_count=10_000,
        done_at=tuple(1.0 + number / 500 for number in range(9_999)),
        until=21.1,
        expected=None,
        basis=(),
    )
    drawn = course_plot(large)
    assert drawn is not None and len(drawn.real) < 6_000
    assert coordinates(drawn.real)[-1][1] == pytest.approx(168 - 160 * 9_999 / 10_000, abs=0.01)


def test_the_table_has_what_the_drawing_shows() -> None:
    drawn = course_plot(course(30, 27))
    assert drawn is not None
    assert [row.scans for row in drawn.rows] == ["15", "27", "all 30"]
    assert [row.real for row in drawn.rows] == ["2 h 24 min", "3 h 36 min", "–"]
    assert all(re.fullmatch(r"\d h \d\d min", row.expected) for row in drawn.rows)
    assert all(re.fullmatch(r"\(\d h \d\d min to \d h \d\d min\)", row.range) for row in drawn.rows)


@pytest.mark.parametrize(("hours", "unit"), [(0.01, "seconds"), (0.5, "minutes"), (5.0, "hours"), (500.0, "days")])
def test_the_axis_has_a_unit_that_fits(hours: float, unit: str) -> None:
    drawn = course_plot(RunCourse(scan_count=1, done_at=(hours,), until=hours, expected=None, basis=()))
    assert drawn is not None and drawn.unit == unit
    assert 2 <= len(drawn.hours.ticks) <= 7


def test_the_page_has_the_section_with_words_for_those_who_do_not_see_it() -> None:
    told = html(course(30, 12))
    assert '<h2 id="course">Scans done over time</h2>' in told
    label = re.search(r'aria-label="(Scans done over time: [^"]*)"', told)
    assert label is not None
    assert "12 of 30 scans done, the last one 2 h 06 min after the submission; simulated for all: " in label[1]
    assert "Simulated from &lt;nothing&gt;." in told
    assert told.count('class="band"') == 1 and told.count('class="happened"') == 1


def test_without_a_simulation_there_is_the_line_alone() -> None:
    told = html(course(30, 12, is_simulated=False))
    assert 'class="happened"' in told and 'class="band"' not in told
    assert "Simulated (8 of 10)" not in told


def test_a_dataset_and_a_run_without_scans_have_no_section() -> None:
    assert 'id="course"' not in html(None)
    nothing = RunCourse(scan_count=3, done_at=(), until=0.5, expected=None, basis=("a",))
    assert course_plot(nothing) is None and 'id="course"' not in html(nothing)
