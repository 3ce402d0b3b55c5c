"""Pictures of a diffusion scan's middle slice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.colors import BoundaryNorm, ListedColormap
from numpy.typing import NDArray

from .parcels import COUNT, NAMES, Labels
from .pictures import figure, save
from .tracking import FA_THRESHOLD, Tracts
from .volumes import Floats, voxel_sizes_mm

#: Eight colours that stay apart for colour-blind readers: Okabe and Ito's, with grey for black.
_PARCEL_COLOURS = ListedColormap(
    ["#999999", "#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7"]
)
_MOST_STREAMLINES = 400


def draw_diffusion(
    path: Path,
    *,
    b0: Floats,
    fa: Floats,
    labels: Labels,
    tracts: Tracts,
    affine: NDArray[np.float64],
    title: str,
) -> None:
    """Draw the axial slice through the middle: b=0 image, FA, parcels, and the streamlines seen from above."""
    to_ras = nib.io_orientation(affine)
    sizes = voxel_sizes_mm(affine)
    planes = {name: _axial(volume, to_ras) for name, volume in (("b0", b0), ("fa", fa), ("labels", labels))}
    order = np.argsort(to_ras[:, 0])
    width, height = (sizes * b0.shape)[order][:2]
    extent = (0.0, float(width), 0.0, float(height))
    picture = figure(9.6, 8.6)
    picture.subplots_adjust(left=0.07, right=0.93, bottom=0.07, top=0.88, wspace=0.3, hspace=0.3)
    grid = picture.subplots(2, 2)
    # Scaled to the bright fluid, all tissue would look black.
    low, high = 0.0, 2.5 * float(np.median(b0[labels > 0]))
    image = grid[0, 0].imshow(planes["b0"].T, cmap="gray", vmin=low, vmax=high, origin="lower", extent=extent)
    picture.colorbar(image, ax=grid[0, 0], label="signal (arbitrary units)", extend="max", fraction=0.045, pad=0.03)
    grid[0, 0].set_title("Mean b=0 image", fontsize=10)
    image = grid[0, 1].imshow(planes["fa"].T, cmap="magma", vmin=0, vmax=1, origin="lower", extent=extent)
    picture.colorbar(image, ax=grid[0, 1], label="fractional anisotropy", fraction=0.045, pad=0.03)
    grid[0, 1].set_title(f"FA (tracked where above {FA_THRESHOLD})", fontsize=10)
    _draw_parcels(picture, grid[1, 0], planes["labels"], extent)
    _draw_streamlines(grid[1, 1], tracts, to_ras, (sizes * b0.shape)[order])
    for axes in grid.flat:
        axes.set_aspect("equal")
        axes.set_xlim(extent[:2])
        axes.set_ylim(extent[2:])
        axes.set_xlabel("left to right (mm)", fontsize=8)
        axes.set_ylabel("posterior to anterior (mm)", fontsize=8)
        axes.tick_params(labelsize=7)
    picture.suptitle(f"opsctl PREVIEW, not m2g\n{title}", fontsize=11)
    save(picture, path)


def _axial(volume: NDArray[Any], to_ras: NDArray[np.float64]) -> NDArray[Any]:
    """Return the middle axial slice: first axis left to right, second posterior to anterior."""
    turned: NDArray[Any] = nib.apply_orientation(volume, to_ras)
    return turned[:, :, turned.shape[2] // 2]


def _draw_parcels(picture: Any, axes: Any, plane: NDArray[Any], extent: tuple[float, float, float, float]) -> None:
    image = axes.imshow(
        np.ma.masked_equal(plane.T, 0),
        cmap=_PARCEL_COLOURS,
        norm=BoundaryNorm(np.arange(0.5, COUNT + 1), COUNT),
        origin="lower",
        extent=extent,
        interpolation="nearest",
    )
    bar = picture.colorbar(image, ax=axes, ticks=range(1, COUNT + 1), fraction=0.045, pad=0.03)
    bar.ax.set_yticklabels([f"{number} {name}" for number, name in enumerate(NAMES, start=1)], fontsize=7)
    axes.set_title("Parcels in this slice (cut by geometry)", fontsize=10)


def _draw_streamlines(axes: Any, tracts: Tracts, to_ras: NDArray[np.float64], size: NDArray[np.float64]) -> None:
    """Draw streamlines of the whole depth, coloured by direction: red left-right, green front-back, blue up-down."""
    order = np.argsort(to_ras[:, 0])
    flips = to_ras[order, 1] < 0
    # The streamlines' origin is the first voxel's centre; the pictures' is that voxel's edge.
    half = np.diag(tracts.grid)[:3][order] / 2
    step = -(-len(tracts.streamlines) // _MOST_STREAMLINES)
    paths, colours = [], []
    for streamline in tracts.streamlines[::step]:
        points = np.asarray(streamline)[:, order] + half
        points = np.where(flips, size - points, points)
        extent = np.abs(points[-1] - points[0])
        paths.append(points[:, :2])
        colours.append(extent / max(float(np.linalg.norm(extent)), 1e-6))
    axes.add_collection(LineCollection(paths, colors=colours, linewidths=0.7, alpha=0.7))
    axes.set_facecolor("0.1")
    axes.set_title(
        f"{len(paths)} of {len(tracts.streamlines)} streamlines, whole depth\n"
        "(red left-right, green front-back, blue up-down)",
        fontsize=9,
    )
