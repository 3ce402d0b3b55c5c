"""Connectomes as matrices: all matrices of a page share one colour scale, so that their colours can be compared."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from opsctl.core.results.connectome import Connectome
from opsctl.core.runs.output_kinds import GraphKind
from opsctl.render.report.embedded_image import EmbeddedImage, embedded

_MATRIX_PIXELS = 400
#: The steps of a matrix's colours: the eye sees no more, and the file is smaller. The middle one is 0 in correlations.
STEPS = 64
_STRONGEST_EDGES = 60
#: Labels of the colour bar that are nearer than this share of its length would overlap.
_LABEL_DISTANCE = 0.13

#: Colour maps, from the lowest value to the highest: for weights without a sign (viridis), and for values on both sides
#: of 0 (ColorBrewer's RdBu, reversed).
COLOURS: Mapping[str, tuple[str, ...]] = {
    "sequential": (
        *("#440154", "#482878", "#3e4a89", "#31688e", "#26828e"),
        *("#1f9e89", "#35b779", "#6dcd59", "#b4de2c", "#fde725"),
    ),
    "diverging": ("#2166ac", "#67a9cf", "#d1e5f0", "#f7f7f7", "#fddbc7", "#ef8a62", "#b2182b"),
}

#: In a constant, as every text with blanks that is compared.
_ABSOLUTE: GraphKind = "absolute correlation"


@dataclass(frozen=True, kw_only=True)
class Edge:
    """Two nodes, by their rows in the matrix, and the weight of their edge."""

    row: int
    column: int
    weight: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Matrix:
    """A connectome that is about to be drawn.

    Attributes
    ----------
    unit
        What the weights are.
    colours
        A name in `COLOURS`.
    is_log
        Whether its values are the logarithms of 1 + weight.
    values
        A value for each pixel, without the diagonal.
    largest
        The largest weight without its sign.
    nodes, edges
        Counts of the connectome.
    rows
        Rows and columns of the connectome.
    strongest
        Its strongest edges, the strongest first.
    """

    unit: str
    colours: str
    is_log: bool
    values: NDArray[np.float32]
    largest: float
    nodes: int
    edges: int
    rows: int
    strongest: tuple[Edge, ...]


@dataclass(frozen=True, kw_only=True)
class ScaleTick:
    """A label of a colour bar; `share` is its place, 0 to 1."""

    share: float
    label: str


@dataclass(frozen=True, kw_only=True)
class ColourScale:
    """What the colours of the matrices of one kind mean.

    Attributes
    ----------
    largest
        The weight of the last colour.
    """

    unit: str
    colours: str
    is_log: bool
    largest: float

    @property
    def key(self) -> tuple[str, str, bool]:
        """What its matrices have in common, as `scale_key` tells it."""
        return self.unit, self.colours, self.is_log

    @property
    def ticks(self) -> tuple[ScaleTick, ...]:
        """The labels of its bar, from left to right; both ends have one."""
        if self.colours == "diverging":
            ends = (ScaleTick(share=0.0, label=f"-{self.largest:.3g}"), ScaleTick(share=0.5, label="0"))
            return (*ends, ScaleTick(share=1.0, label=f"{self.largest:.3g}"))
        last = ScaleTick(share=1.0, label=f"{self.largest:,.5g}" if self.is_log else f"{self.largest:.3g}")
        if not self.is_log:
            return (ScaleTick(share=0.0, label="0"), ScaleTick(share=0.5, label=f"{self.largest / 2:.3g}"), last)
        ticks = [ScaleTick(share=0.0, label="0")]
        for power in range(math.ceil(math.log10(max(1.0, self.largest)))):
            share = self.level(10.0**power)
            if share - ticks[-1].share >= _LABEL_DISTANCE and 1 - share >= _LABEL_DISTANCE:
                ticks.append(ScaleTick(share=share, label=f"{10**power:,}"))
        return (*ticks, last)

    @property
    def note(self) -> str:
        """What the colours are, with the unit and the kind of the scale."""
        white = "; white is 0" if self.colours == "diverging" else ""
        return f"{self.unit}, on a {'logarithmic' if self.is_log else 'linear'} scale{white}"

    def level(self, weight: float) -> float:
        """The place of a weight on a scale without a sign, 0 to 1."""
        if not self.is_log:
            return weight / (self.largest or 1.0)
        return math.log1p(weight) / (math.log1p(self.largest) or 1.0)

    def draw(self, matrix: Matrix) -> EmbeddedImage:
        """Draw a matrix of this kind."""
        top = (math.log1p(self.largest) if self.is_log else self.largest) or 1.0
        levels = matrix.values / top
        if self.colours == "diverging":
            levels = 0.5 + 0.5 * levels
        image = Image.fromarray((levels * STEPS).round().clip(0, STEPS).astype(np.uint8))
        image.putpalette(palette(COLOURS[self.colours]))
        return embedded(image, "png", optimize=True)


def scale_key(matrix: Matrix) -> tuple[str, str, bool]:
    """What the matrices of one colour scale have in common."""
    return matrix.unit, matrix.colours, matrix.is_log


def colour_scales(matrices: Iterable[Matrix]) -> dict[tuple[str, str, bool], ColourScale]:
    """The colour scale of each kind of matrices: its last colour is the largest weight of all of them."""
    scales: dict[tuple[str, str, bool], ColourScale] = {}
    for matrix in matrices:
        key = scale_key(matrix)
        largest = max(matrix.largest, scales[key].largest if key in scales else 0.0)
        scales[key] = ColourScale(unit=matrix.unit, colours=matrix.colours, is_log=matrix.is_log, largest=largest)
    return scales


def matrix_of(connectome: Connectome, *, kind: GraphKind | None) -> Matrix:
    """Prepare a connectome for drawing.

    Parameters
    ----------
    kind
        None where it is not known.
    """
    return matrix_of_weights(np.array(connectome.matrix, dtype=np.float64), kind=kind)


def matrix_of_weights(weights: NDArray[np.float64], *, kind: GraphKind | None) -> Matrix:
    """Prepare a matrix of weights for drawing; its diagonal is set to 0."""
    np.fill_diagonal(weights, 0.0)
    # As `Connectome.size` counts them, which takes a hundred times as long.
    joins = (weights != 0) & ~np.isnan(weights)
    joins |= joins.T
    matrix = np.nan_to_num(weights, posinf=0.0, neginf=0.0)
    is_signed = kind == "correlation" or bool((matrix < 0).any())
    is_log = not is_signed and kind != _ABSOLUTE
    # Streamline counts spread over decades: on a linear scale all but a few cells look empty.
    values = np.log1p(matrix) if is_log else matrix
    return Matrix(
        unit=_unit(kind),
        colours="diverging" if is_signed else "sequential",
        is_log=is_log,
        values=downsample(values, _MATRIX_PIXELS).astype(np.float32),
        largest=float(np.abs(matrix).max(initial=0.0)),
        nodes=int(joins.any(axis=1).sum()),
        edges=int(joins.sum()) // 2,
        rows=len(weights),
        strongest=_strongest(matrix),
    )


def _unit(kind: GraphKind | None) -> str:
    if kind is None:
        return "weight between two regions"
    if kind == "streamlines":
        return "streamlines between two regions"
    return f"{kind} of two regions' signals"


def _strongest(matrix: NDArray[np.float64]) -> tuple[Edge, ...]:
    sizes = np.abs(np.triu(np.maximum(matrix, matrix.T) if (matrix >= 0).all() else matrix, 1))
    count = min(_STRONGEST_EDGES, int(np.count_nonzero(sizes)))
    if not count:
        return ()
    flat = sizes.ravel()
    places = np.argpartition(flat, -count)[-count:]
    ordered = places[np.lexsort((places, -flat[places]))]
    rows, columns = np.unravel_index(ordered, sizes.shape)
    return tuple(
        Edge(row=int(row), column=int(column), weight=float(matrix[row, column] or matrix[column, row]))
        for row, column in zip(rows, columns, strict=True)
    )


def downsample(values: NDArray[np.float64], max_pixels: int) -> NDArray[np.float64]:
    """A pixel for each pair of nodes; beyond `max_pixels` nodes, neighbouring ones share a pixel with their mean."""
    step = -(-len(values) // max_pixels)
    if step <= 1:
        return values
    missing = -len(values) % step
    padded = np.pad(values, (0, missing), mode="edge")
    side = len(padded) // step
    mean: NDArray[np.float64] = padded.reshape(side, step, side, step).mean(axis=(1, 3))
    return mean


def palette(colours: tuple[str, ...]) -> list[int]:
    """Interpolate the colours of all steps, as a flat list of red, green, blue, red, …."""
    given = np.array([[int(colour[start : start + 2], 16) for start in (1, 3, 5)] for colour in colours])
    positions = np.linspace(0, STEPS, len(colours))
    channels = [np.interp(np.arange(STEPS + 1), positions, given[:, channel]) for channel in range(3)]
    return [round(float(value)) for colour in zip(*channels, strict=True) for value in colour]
