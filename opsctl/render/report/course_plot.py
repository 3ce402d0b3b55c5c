"""Draws a run's scans over time beside what was simulated: a step line and a band, in the drawing's units."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from opsctl.core.counted import counted
from opsctl.core.simulation.duration import span_text
from opsctl.core.simulation.run_course import RunCourse
from opsctl.core.simulation.simulation import Band
from opsctl.render.report.trust.axis import Axis
from opsctl.render.screen import duration_text

HEIGHT = 206.0
_LEFT, _RIGHT, _TOP, _BASE = 44.0, 330.0, 8.0, 168.0
#: A line of 10,000 steps would be a tenth of the page, and a step thinner than a pixel.
_MOST_STEPS = 150
#: The units of the axis of time, each from so many hours on.
_UNITS = ((96.0, 24.0, "days"), (2.0, 1.0, "hours"), (2 / 60, 1 / 60, "minutes"), (0.0, 1 / 3600, "seconds"))


@dataclass(frozen=True, kw_only=True)
class CourseRow:
    """A line of the table: when so many scans were done, as texts."""

    scans: str
    real: str
    expected: str
    range: str


@dataclass(frozen=True, kw_only=True)
class CoursePlot:
    """The drawing.

    Attributes
    ----------
    real
        The points of the line of what happened.
    band, median
        The points of the outline of the band, and of the line of the median; empty where nothing was simulated.
    """

    hours: Axis
    scans: Axis
    unit: str
    real: str
    band: str
    median: str
    base: float
    height: float
    words: str
    rows: tuple[CourseRow, ...]
    basis: tuple[str, ...]

    @property
    def is_simulated(self) -> bool:
        """Whether there is a band."""
        return bool(self.band)


def course_plot(course: RunCourse) -> CoursePlot | None:
    """Draw how a run went; None where no scan is done and nothing was simulated."""
    if not course.end or not (course.done_at or course.expected):
        return None
    _, unit, name = next(each for each in _UNITS if course.end >= each[0])
    hours = Axis(low=0.0, high=course.end / unit, start=_LEFT, end=_RIGHT)
    scans = Axis(low=0.0, high=course.scan_count, start=_BASE, end=_TOP)

    def points(pairs: Iterable[tuple[float, float]]) -> list[str]:
        return [f"{hours.at(moment / unit)},{scans.at(count)}" for moment, count in pairs]

    band, median = "", ""
    if course.expected is not None:
        curve = course.expected.curve
        outline = points((point.hours, point.done.p90) for point in curve)
        outline += reversed(points((point.hours, point.done.p10) for point in curve))
        band = " ".join(outline)
        median = " ".join(points((point.hours, point.done.p50) for point in curve))
    rows = tuple(
        CourseRow(
            scans=_scans_text(milestone.scans, course.scan_count),
            real=_time_text(milestone.real) if milestone.real is not None else "–",
            expected=_time_text(milestone.expected.p50) if milestone.expected else "–",
            range=_range_text(milestone.expected) if milestone.expected else "",
        )
        for milestone in course.milestones
    )
    return CoursePlot(
        hours=hours,
        scans=scans,
        unit=name,
        real=" ".join(points(_steps(course))),
        band=band,
        median=median,
        base=_BASE,
        height=HEIGHT,
        words=_words(course),
        rows=rows,
        basis=course.basis,
    )


def _steps(course: RunCourse) -> list[tuple[float, float]]:
    """The corners of the line: it rises where a scan is done; of many scans, every so many."""
    done_at: Sequence[float] = course.done_at
    stride = max(1, -(-len(done_at) // _MOST_STEPS))
    corners, level = [(0.0, 0.0)], 0
    for count in [*range(stride, len(done_at), stride), len(done_at)] if done_at else []:
        moment = done_at[count - 1]
        corners += [(moment, float(level)), (moment, float(count))]
        level = count
    return [*corners, (course.until, float(level))]


def _words(course: RunCourse) -> str:
    done = f"{len(course.done_at):,} of {counted(course.scan_count, 'scan')} done"
    if course.done_at:
        done += f", the last one {_time_text(course.done_at[-1])} after the submission"
    finish = course.expected.finish_hours if course.expected else None
    if finish is None:
        return f"Scans done over time: {done}"
    return f"Scans done over time: {done}; simulated for all: {_time_text(finish.p50)} {_range_text(finish)}".rstrip()


def _scans_text(count: int, scan_count: int) -> str:
    return f"all {count:,}" if count == scan_count else f"{count:,}"


def _range_text(band: Band) -> str:
    low, high = _time_text(band.p10), _time_text(band.p90)
    return f"({low} to {high})" if low != high else ""


def _time_text(hours: float) -> str:
    """`34 s`, `12 min`, `3 h 20 min`."""
    return span_text(hours) if hours >= 2 / 60 else duration_text(hours * 3600)
