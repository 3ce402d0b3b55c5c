"""The distances between all scans as a heat map: two scans of the same subject should lie near each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from opsctl.render.report.embedded_image import EmbeddedImage, embedded
from opsctl.render.report.matrices import COLOURS, STEPS, ScaleTick, downsample, palette
from opsctl.render.report.trust.axis import number_text

#: Of more scans the map has one cell for two subjects, the mean of their scans' distances.
_MOST_SCANS = 300
_MOST_PIXELS = 300
#: So many subjects have their names beside the map.
_MOST_NAMES = 24
#: So many subjects have an outline around the distances between their own scans.
_MOST_OUTLINES = 60
#: The side of the map in the drawing.
SIDE = 240.0


@dataclass(frozen=True, kw_only=True)
class DistanceScale:
    """What the colours of the map mean: the nearest two scans have the first colour, the farthest the last one."""

    low: float
    high: float
    note: str
    colours: str = "sequential"

    @property
    def ticks(self) -> tuple[ScaleTick, ...]:
        """The labels of its bar, from left to right."""
        middle = (self.low + self.high) / 2
        return tuple(
            ScaleTick(share=share, label=number_text(value))
            for share, value in ((0.0, self.low), (0.5, middle), (1.0, self.high))
        )


@dataclass(frozen=True, kw_only=True)
class SubjectSpan:
    """The rows of one subject, in the drawing's units."""

    name: str
    start: float
    end: float

    @property
    def middle(self) -> float:
        """Where its name stands."""
        return round((self.start + self.end) / 2, 2)


@dataclass(frozen=True, kw_only=True)
class HeatMap:
    """The map.

    Attributes
    ----------
    image
        A pixel for each pair; the diagonal is transparent where a cell is a pair of scans.
    spans
        The subjects in the order of the rows.
    is_named, is_outlined
        Whether there is room for the subjects' names, and for outlines of the distances between their own scans, if
        a subject has several.
    is_by_subject
        Whether a cell is two subjects and not two scans.
    scans
        The number of scans.
    """

    image: EmbeddedImage
    scale: DistanceScale
    spans: tuple[SubjectSpan, ...]
    is_named: bool
    is_outlined: bool
    is_by_subject: bool
    scans: int
    words: str


def heat_map(distances: NDArray[np.float64], subjects: Sequence[str], *, unit: str) -> HeatMap | None:
    """Draw the distances; None where all are equal, or no two scans have one.

    Parameters
    ----------
    distances
        Scans x scans; NaN where two scans cannot be compared.
    subjects
        Of each scan, those of one subject next to each other.
    unit
        What the distances are.
    """
    spans = [(name, len(list(rows))) for name, rows in groupby(subjects)]
    is_by_subject = len(subjects) > _MOST_SCANS
    cells = np.array(distances, dtype=np.float64)
    np.fill_diagonal(cells, np.nan)
    if is_by_subject:
        cells = _means_of_subjects(cells, [size for _, size in spans])
        spans = [(name, 1) for name, _ in spans]
    if not np.isfinite(cells).any():
        return None
    scale = DistanceScale(low=float(np.nanmin(cells)), high=float(np.nanmax(cells)), note=unit)
    if scale.low == scale.high:
        return None
    rows = len(cells)
    edges = np.concatenate([[0], np.cumsum([size for _, size in spans])]) * (SIDE / rows)
    placed = tuple(
        SubjectSpan(name=name, start=round(float(start), 2), end=round(float(end), 2))
        for (name, _), start, end in zip(spans, edges, edges[1:], strict=False)
    )
    what = "pairs of subjects, each the mean of their scans' distances" if is_by_subject else "pairs of scans"
    return HeatMap(
        image=_image(cells, scale),
        scale=scale,
        spans=placed,
        is_named=len(placed) <= _MOST_NAMES,
        is_outlined=not is_by_subject and len(placed) <= min(_MOST_OUTLINES, len(subjects) - 1),
        is_by_subject=is_by_subject,
        scans=len(subjects),
        words=(
            f"Heat map of {unit}: {len(subjects):,} scans of {len(placed):,} subjects, a cell for {what}, from "
            f"{number_text(scale.low)} to {number_text(scale.high)}"
        ),
    )


def _means_of_subjects(cells: NDArray[np.float64], sizes: Sequence[int]) -> NDArray[np.float64]:
    """The mean distance of each two subjects' scans; on the diagonal, of a subject's own scans."""
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    known = np.isfinite(cells)

    def sums(values: NDArray[np.float64]) -> NDArray[np.float64]:
        of_rows: NDArray[np.float64] = np.add.reduceat(np.add.reduceat(values, starts, axis=0), starts, axis=1)
        return of_rows

    totals, counts = sums(np.where(known, cells, 0.0)), sums(known.astype(np.float64))
    means: NDArray[np.float64] = np.divide(totals, counts, out=np.full(totals.shape, np.nan), where=counts > 0)
    return means


def _image(cells: NDArray[np.float64], scale: DistanceScale) -> EmbeddedImage:
    shown = downsample(np.where(np.isnan(cells), scale.low, cells), _MOST_PIXELS)
    is_empty = np.isnan(cells) if len(shown) == len(cells) else np.zeros(shown.shape, dtype=bool)
    levels = (shown - scale.low) / (scale.high - scale.low)
    pixels = (levels * STEPS).round().clip(0, STEPS).astype(np.uint8)
    pixels[is_empty] = STEPS + 1
    image = Image.fromarray(pixels)
    image.putpalette([*palette(COLOURS[scale.colours]), 255, 255, 255])
    return embedded(image, "png", optimize=True, transparency=STEPS + 1)
