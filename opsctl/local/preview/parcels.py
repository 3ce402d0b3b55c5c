"""Eight parcels by geometry, in place of an atlas: the preview registers nothing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from nibabel.affines import apply_affine
from nibabel.orientations import io_orientation
from numpy.typing import NDArray

from opsctl.core.errors import ErrorCode, Problem

from .volumes import Mask

Labels = NDArray[np.int16]

COUNT = 8
#: The parcels' names by label - 1: right or left, anterior or posterior, superior or inferior half.
NAMES = ("LPI", "RPI", "LAI", "RAI", "LPS", "RPS", "LAS", "RAS")


def divide(mask: Mask, affine: NDArray[np.float64]) -> Labels:
    """Cut a mask into eight parcels of the same size, give or take a voxel.

    The mask is halved at its median from left to right, each half from posterior to anterior, each quarter
    from inferior to superior, along the image's axes: the scanner's axes would cut across voxel planes.
    Halving by rank, not by value, leaves no parcel empty, however flat the volume is.

    Returns
    -------
    ndarray of int16
        0 outside the mask, otherwise 1 to 8 in the order of `NAMES`.
    """
    voxels = np.argwhere(mask)
    # For each image axis: the nearest of left-right, posterior-anterior and inferior-superior, and its sign.
    axes = io_orientation(affine)
    labels = np.ones(len(voxels), dtype=np.int16)
    for axis in np.argsort(axes[:, 0]):
        anatomical_axis, sign = axes[axis]
        for label in np.unique(labels):
            inside = np.flatnonzero(labels == label)
            order = np.argsort(sign * voxels[inside, axis], kind="stable")
            labels[inside[order[len(order) // 2 :]]] += 2 ** int(anatomical_axis)
    volume = np.zeros(mask.shape, dtype=np.int16)
    volume[mask] = labels
    return volume


def atlases(parcellations: Sequence[str]) -> list[str]:
    """Return the atlas folders' names: `preview8`, or for each requested parcellation e.g. `Desikan-preview8`."""
    for name in parcellations:
        if "/" in name or name.startswith("."):
            raise Problem(
                f"No valid parcellations found: {name!r} is not a parcellation's name.", code=ErrorCode.INPUT_INVALID
            )
    return [f"{name}-preview8" for name in dict.fromkeys(parcellations)] or ["preview8"]


def write_table(path: Path, labels: Labels, affine: NDArray[np.float64]) -> None:
    """Write each label's parcel: name, number of voxels, centre in mm."""
    rows = ["label\tname\tvoxels\tx_mm\ty_mm\tz_mm"]
    for label, name in enumerate(NAMES, start=1):
        voxels = np.argwhere(labels == label)
        centre = apply_affine(affine, voxels.mean(axis=0))
        rows.append("\t".join([str(label), name, str(len(voxels)), *(f"{value:.1f}" for value in centre)]))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
