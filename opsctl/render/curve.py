"""A plot of scans done over time, in plain characters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count

from opsctl.core.simulation.simulation import CurvePoint

_ROWS = 8
_WIDEST = 100
#: Below it there is no room for a plot.
_NARROWEST = 24
_TICK_ROOM = 10
_HOURS_A_DAY = 24
#: Longer runs have an axis in days, much shorter ones in minutes.
_DAYS_FROM, _MINUTES_BELOW = 96, 2


def curve_lines(curve: Sequence[CurvePoint], *, scan_count: int, room: int) -> list[str]:
    """Draw how many scans are done over time.

    Parameters
    ----------
    curve
        At equal distances of time, from the start to the end.
    room
        The width of a line.

    Returns
    -------
    list of str
        Empty where the window is too narrow, or nothing passes.
    """
    label_width = len(f"{scan_count:,}")
    width = min(room, _WIDEST) - label_width - 2
    end_hours = curve[-1].hours
    if width < _NARROWEST - label_width or not end_hours:
        return []
    columns = [curve[round(number * (len(curve) - 1) / (width - 1))].done for number in range(width)]
    lines = []
    for row in range(_ROWS, 0, -1):
        # A character stands for the middle of its row.
        level = scan_count * (row - 0.5) / _ROWS
        drawn = "".join("#" if band.p10 >= level else ":" if band.p90 >= level else " " for band in columns)
        label = f"{scan_count * row / _ROWS:,.0f}" if row % 4 == 0 else ""
        lines.append(f"{label:>{label_width}} |{drawn.rstrip()}")
    return [*lines, f"{'0':>{label_width}} +{'-' * width}", _axis(end_hours, width, indent=label_width + 2)]


def _axis(end_hours: float, width: int, *, indent: int) -> str:
    """Round times below the plot, as many as there is room for."""
    unit, name = (_HOURS_A_DAY, "d") if end_hours >= _DAYS_FROM else (1.0, "h")
    if end_hours < _MINUTES_BELOW:
        unit, name = 1 / 60, "min"
    end = end_hours / unit
    most = max(1, width // _TICK_ROOM)
    step = next(step for step in _steps() if end / step <= most)
    axis = [" "] * width
    value = 0.0
    while value <= end:
        text = f"{value:g} {name}" if value else "0"
        at = min(round(value / end * (width - 1)), width - len(text))
        axis[at : at + len(text)] = text
        value += step
    return f"{' ' * indent}{''.join(axis)}".rstrip()


def _steps() -> Iterator[int]:
    """1, 2, 5, 10, 20, 50, and so on."""
    return (digit * 10**power for power in count() for digit in (1, 2, 5))
