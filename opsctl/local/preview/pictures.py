"""Quality-control pictures: what they share, and the picture of a graph.

Drawn without pyplot, which takes time to import and keeps figures alive.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from .parcels import COUNT, NAMES

_NAMING = "Parcels: left/right (L/R), posterior/anterior (P/A), inferior/superior (I/S) half of the imaged volume."


def figure(width_inches: float, height_inches: float) -> Figure:
    """Return an empty figure that can be saved."""
    # Without a layout engine, which would draw everything twice: these pictures place their axes themselves.
    empty = Figure(figsize=(width_inches, height_inches), dpi=100)
    FigureCanvasAgg(empty)
    return empty


def save(picture: Figure, path: Path) -> None:
    """Write a PNG, and its folder if it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.savefig(path)


def draw_graph(
    path: Path,
    matrix: NDArray[Any],
    *,
    title: str,
    meaning: str,
    correlations: bool,
) -> None:
    """Draw a graph's matrix with every weight in its cell.

    Parameters
    ----------
    title
        The picture's title, below the notice that it is a preview.
    meaning
        What a weight means: the colour bar's label.
    correlations
        Whether weights are correlations (-1 to 1, diverging colours) instead of counts.
    """
    picture = figure(6.8, 6.2)
    picture.subplots_adjust(left=0.12, right=0.84, bottom=0.16, top=0.88)
    axes = picture.add_subplot()
    shown = np.ma.masked_array(matrix, mask=np.eye(COUNT, dtype=bool))
    colours = matplotlib.colormaps["RdBu_r" if correlations else "viridis"].with_extremes(bad="0.92")
    low, high = (-1.0, 1.0) if correlations else (0.0, max(1.0, float(shown.max())))
    image = axes.imshow(shown, cmap=colours, vmin=low, vmax=high, interpolation="nearest")
    for row, column in np.ndindex(COUNT, COUNT):
        if row != column:
            value = matrix[row, column]
            red, green, blue, _ = image.cmap(image.norm(value))
            axes.text(
                column,
                row,
                f"{value:.2f}" if correlations else f"{int(value)}",
                ha="center",
                va="center",
                fontsize=8,
                color="black" if 0.299 * red + 0.587 * green + 0.114 * blue > 0.5 else "white",
            )
    ticks = [f"{number} {name}" for number, name in enumerate(NAMES, start=1)]
    axes.set_xticks(range(COUNT), ticks, rotation=45, ha="right", rotation_mode="anchor", fontsize=8)
    axes.set_yticks(range(COUNT), ticks, fontsize=8)
    axes.set_xlabel("Parcel")
    axes.set_ylabel("Parcel")
    picture.suptitle("opsctl PREVIEW, not m2g", fontsize=11, fontweight="bold")
    axes.set_title(title, fontsize=10)
    axes.set_aspect("equal", anchor="W")
    picture.colorbar(image, cax=picture.add_axes((0.81, 0.16, 0.025, 0.72)), label=meaning)
    picture.text(0.5, 0.02, _NAMING, ha="center", fontsize=7)
    save(picture, path)
