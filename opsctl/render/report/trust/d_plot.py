"""Discriminability of each parcellation with its interval, beside m2g's published value."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from opsctl.render.report.trust.axis import Axis

_ROW = 20.0
_LEFT, _RIGHT, _TOP = 118.0, 326.0, 8.0
#: Of labels drawn at random; the axis begins at the latest here, so that a reader sees how far above it a value is.
CHANCE = 0.5


@dataclass(frozen=True, kw_only=True)
class DValue:
    """The discriminability of one parcellation.

    Attributes
    ----------
    name
        The parcellation, with its kind and model where there are several.
    low, high
        The interval; NaN where there is none.
    subjects, scans
        What it rests on.
    """

    name: str
    value: float
    low: float
    high: float
    subjects: int
    scans: int

    @property
    def has_interval(self) -> bool:
        """Whether there is an interval."""
        return math.isfinite(self.low) and math.isfinite(self.high)


@dataclass(frozen=True, kw_only=True)
class DRow:
    """One value in the drawing."""

    of: DValue
    y: float
    at: float
    low_at: float
    high_at: float


@dataclass(frozen=True, kw_only=True)
class DPlot:
    """The drawing.

    Attributes
    ----------
    bar_at
        The place of m2g's published value; None without one.
    """

    axis: Axis
    rows: tuple[DRow, ...]
    base: float
    height: float
    bar_at: float | None
    words: str


def d_plot(values: Sequence[DValue], *, bar: float | None) -> DPlot:
    """Draw the values, at least one.

    Parameters
    ----------
    bar
        m2g's published value for this dataset and these settings.
    """
    lowest = min([CHANCE, *(value.value for value in values), *(value.low for value in values if value.has_interval)])
    axis = Axis(low=max(0.0, math.floor(10 * lowest) / 10), high=1.0, start=_LEFT, end=_RIGHT)
    rows = tuple(
        DRow(
            of=value,
            y=_TOP + _ROW * (place + 0.5),
            at=axis.at(value.value),
            low_at=axis.at(value.low) if value.has_interval else axis.at(value.value),
            high_at=axis.at(value.high) if value.has_interval else axis.at(value.value),
        )
        for place, value in enumerate(values)
    )
    base = _TOP + _ROW * len(rows)
    published = f"; m2g publishes {bar:.3f}" if bar is not None else ""
    return DPlot(
        axis=axis,
        rows=rows,
        base=base,
        height=base + 38.0,
        bar_at=axis.at(bar) if bar is not None else None,
        words="Discriminability: " + ", ".join(f"{value.name} {value.value:.3f}" for value in values) + published,
    )
