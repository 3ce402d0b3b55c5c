"""How the scans' edge weights spread: a line for each scan, or bands where there are many."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from opsctl.core.reliability.weight_spread import WeightSpread
from opsctl.render.report.trust.axis import Axis

_MOST_LINES = 40
_LEFT, _RIGHT, _TOP, _BASE = 44.0, 330.0, 8.0, 168.0
HEIGHT = 206.0
#: The bands of many scans, the widest first: shares of the scans in percent.
_BANDS = ((5.0, 95.0), (25.0, 75.0))


@dataclass(frozen=True, kw_only=True)
class WeightLine:
    """One scan's line; `row` is its row among the scans."""

    points: str
    row: int
    is_marked: bool


@dataclass(frozen=True, kw_only=True)
class WeightLines:
    """The drawing.

    Attributes
    ----------
    weights
        The axis of the weights.
    shares
        The axis of the shares of a scan's edges, in percent.
    lines
        Few scans each have one; of many scans those to look at.
    bands
        The outlines of the bands of many scans, as the points of polygons, the widest first.
    median
        The points of the median's line; empty without bands.
    base
        Where the axis of the weights lies.
    """

    weights: Axis
    shares: Axis
    lines: tuple[WeightLine, ...]
    bands: tuple[str, ...]
    median: str
    base: float
    words: str
    empty_note: str


def weight_lines(spread: WeightSpread, *, unit: str, marked: frozenset[int]) -> WeightLines | None:
    """Draw the spread; None where no scan has an edge.

    Parameters
    ----------
    unit
        What the weights are.
    marked
        The scans of the list of scans to look at.
    """
    rows = [row for row, shares in enumerate(spread.shares) if np.isfinite(shares).all()]
    if not rows:
        return None
    limits = spread.limits
    # A scan of which all edges are in one bin is a point without neighbours.
    middles = np.sqrt(limits[:-1] * limits[1:]) if spread.is_log else (limits[:-1] + limits[1:]) / 2
    percent = 100 * spread.shares[rows]
    top = max(1.0, float(percent.max()))
    weights = Axis(low=float(limits[0]), high=float(limits[-1]), start=_LEFT, end=_RIGHT, is_log=spread.is_log)
    shares = Axis(low=0.0, high=top * 1.05, start=_BASE, end=_TOP)
    xs = [weights.at(float(middle)) for middle in middles]

    def line(values: Sequence[float] | NDArray[np.float64]) -> str:
        return " ".join(f"{x},{shares.at(float(value))}" for x, value in zip(xs, values, strict=True))

    is_many = len(rows) > _MOST_LINES
    drawn = [(row, values) for row, values in zip(rows, percent, strict=True) if not is_many or row in marked]
    lines = [WeightLine(points=line(values), row=row, is_marked=row in marked) for row, values in drawn]
    bands, median = [], ""
    if is_many:
        for low, high in _BANDS:
            bottom, upper = np.percentile(percent, low, axis=0), np.percentile(percent, high, axis=0)
            back = [f"{x},{shares.at(float(value))}" for x, value in zip(xs, bottom, strict=True)]
            bands.append(f"{line(upper)} {' '.join(reversed(back))}")
        median = line(np.median(percent, axis=0))
    peak = float(middles[int(np.median(percent, axis=0).argmax())])
    return WeightLines(
        weights=weights,
        shares=shares,
        lines=tuple(sorted(lines, key=lambda one_line: one_line.is_marked)),
        bands=tuple(bands),
        median=median,
        base=_BASE,
        words=f"Distribution of the edge weights of {len(rows):,} scans in {unit}; most edges weigh about {peak:.3g}",
        empty_note=_empty_note(spread),
    )


def _empty_note(spread: WeightSpread) -> str:
    known = spread.empty[np.isfinite(spread.empty)]
    if not len(known) or not math.isfinite(known.max()) or known.max() == 0:
        return ""
    low, high = 100 * float(known.min()), 100 * float(known.max())
    share = f"{low:.0f} %" if f"{low:.0f}" == f"{high:.0f}" else f"{low:.0f} to {high:.0f} %"
    return f"{share} of a scan's pairs of regions have no edge and are not drawn."
