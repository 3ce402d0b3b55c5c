"""Images in and out: load, find the brain, save."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from nibabel.affines import voxel_sizes
from nibabel.filebasedimages import ImageFileError
from numpy.typing import NDArray

from opsctl.core.errors import Problem

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]

#: A voxel below this share of the image's 90th percentile is air.
_AIR_SHARE = 0.05
#: A volume with a smaller share of air is a cut-out from inside the head: around a whole one lies 40 % and more.
_LEAST_AIR = 0.1
#: Eight parcels need eight voxels; a mask below this says that there is no brain in the image.
_LEAST_VOXELS = 8


def load(path: Path, dimensions: int) -> tuple[Floats, NDArray[np.float64]]:
    """An image's voxels and its affine.

    Raises
    ------
    Problem
        The file is no readable image, or it has another number of dimensions.
    """
    try:
        image: Any = nib.load(path)
        data = np.asarray(image.dataobj, dtype=np.float32)
    except (ImageFileError, OSError, EOFError, ValueError, zlib.error) as error:
        raise Problem(f"{path.name} cannot be read as an image: {error}") from error
    if data.ndim != dimensions:
        raise Problem(f"{path.name} has {data.ndim} dimensions, not {dimensions}.")
    return np.nan_to_num(data), np.asarray(image.affine, dtype=np.float64)


def voxel_sizes_mm(affine: NDArray[np.float64]) -> NDArray[np.float64]:
    """The three voxel edges in mm."""
    return np.asarray(voxel_sizes(affine), dtype=np.float64)


def brain_mask(volume: Floats) -> tuple[Mask, str]:
    """Which voxels are brain, and how that was decided.

    A whole head shows air, and median_otsu parts the two. A cut-out from inside the brain shows none:
    there median_otsu would part bright fluid from dim tissue, so every voxel with signal counts.
    """
    air = volume < _AIR_SHARE * np.percentile(volume, 90)
    if air.mean() >= _LEAST_AIR:
        from dipy.segment.mask import median_otsu

        mask = np.asarray(median_otsu(volume, median_radius=2, numpass=1)[1], dtype=np.bool_)
        if mask.sum() >= _LEAST_VOXELS:
            return mask, "median_otsu"
    mask = ~air & (volume > 0)
    if mask.sum() < _LEAST_VOXELS:
        raise Problem(f"There is no brain in this image: {int(mask.sum())} voxels with signal.")
    return mask, "every voxel with signal: the volume shows no air around the head"


def save(path: Path, data: NDArray[Any], affine: NDArray[np.float64]) -> None:
    """Write a NIfTI image, and its folder where it is missing. nibabel writes the same bytes each time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = nib.Nifti1Image(data, affine)
    image.header.set_xyzt_units("mm", "sec")
    nib.save(image, path)


def save_reoriented(source: Path, folder: Path) -> Path:
    """Copy a T1w in RAS+ orientation, under m2g's name for it, and return where it went."""
    data, affine = load(source, 3)
    image = nib.as_closest_canonical(nib.Nifti1Image(data, affine))
    target = folder / f"{source.name.split('.', 1)[0]}_reor_RAS.nii.gz"
    save(target, np.asarray(image.dataobj), image.affine)
    return target
