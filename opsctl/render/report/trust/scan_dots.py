"""Each scan's own discriminability: a row for each subject, or a column where there are many."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from opsctl.render.report.trust.axis import Axis

#: So many subjects have a row with their name.
_MOST_ROWS = 40
_ROW = 16.0
_LEFT, _RIGHT, _TOP = 92.0, 326.0, 10.0
_COLUMNS_LEFT, _COLUMNS_RIGHT, _COLUMNS_HEIGHT = 52.0, 326.0, 180.0
_MARGIN = 0.02


@dataclass(frozen=True, kw_only=True)
class ScanDot:
    """One scan in the drawing; `row` is its row in the distances."""

    x: float
    y: float
    row: int
    value: float
    is_marked: bool


@dataclass(frozen=True, kw_only=True)
class SubjectRow:
    """A subject's row with its name."""

    name: str
    y: float


@dataclass(frozen=True, kw_only=True)
class ScanDots:
    """The drawing.

    Attributes
    ----------
    axis
        Of the values: from left to right where subjects have rows, otherwise from bottom to top.
    rows
        The subjects' names; empty where there are too many.
    base
        The end of the drawing of the dots, from the top.
    median
        The place of the median on the axis.
    left_out
        The number of scans without a value.
    """

    axis: Axis
    rows: tuple[SubjectRow, ...]
    dots: tuple[ScanDot, ...]
    base: float
    height: float
    median: float
    left_out: int
    words: str


def scan_dots(values: NDArray[np.float64], subjects: Sequence[str], *, marked: frozenset[int]) -> ScanDots | None:
    """Draw the scans' own values; None where no scan has one.

    Parameters
    ----------
    values
        From 0 to 1; NaN of a scan whose subject has no other.
    subjects
        Of each scan, those of one subject next to each other.
    marked
        The scans of the list of scans to look at.
    """
    finite = values[np.isfinite(values)]
    if not len(finite):
        return None
    of_subjects = [
        (name, [row for row, _ in rows if math.isfinite(values[row])])
        for name, rows in groupby(enumerate(subjects), key=lambda pair: pair[1])
    ]
    shown = [(name, rows) for name, rows in of_subjects if rows]
    low = max(0.0, math.floor(20 * (float(finite.min()) - _MARGIN)) / 20)
    middle = float(np.median(finite))
    has_rows = len(shown) <= _MOST_ROWS
    if has_rows:
        axis = Axis(low=low, high=1.0, start=_LEFT, end=_RIGHT)
        base = _TOP + _ROW * len(shown)
    else:
        axis = Axis(low=low, high=1.0, start=_COLUMNS_HEIGHT, end=_TOP)
        base = _COLUMNS_HEIGHT
    across = Axis(low=-0.5, high=len(shown) - 0.5, start=_COLUMNS_LEFT, end=_COLUMNS_RIGHT)
    dots, names = [], []
    for place, (name, rows) in enumerate(shown):
        y = _TOP + _ROW * (place + 0.5)
        if has_rows:
            names.append(SubjectRow(name=name, y=y))
        for row in rows:
            value = float(values[row])
            where = (axis.at(value), y) if has_rows else (across.at(place), axis.at(value))
            dots.append(ScanDot(x=where[0], y=where[1], row=row, value=value, is_marked=row in marked))
    return ScanDots(
        axis=axis,
        rows=tuple(names),
        # The marked ones on top.
        dots=tuple(sorted(dots, key=lambda dot: dot.is_marked)),
        base=base,
        height=base + 38.0,
        median=axis.at(middle),
        left_out=len(values) - len(finite),
        words=(
            f"Each scan's own discriminability: {len(finite):,} scans of {len(shown):,} subjects, median "
            f"{middle:.3f}, from {float(finite.min()):.3f} to {float(finite.max()):.3f}"
        ),
    )
