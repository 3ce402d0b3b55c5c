"""m2g's steps before its registration: copies of the inputs, turned to RAS+ and resliced, and the mean b=0 image."""

from __future__ import annotations

import gzip
import shutil
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from nibabel.affines import rescale_affine
from numpy.typing import NDArray
from scipy import ndimage

from . import volumes
from .folders import DwiFolders, empty
from .gradients import Gradients
from .memory import ensure_fits
from .progress import ProgressLog
from .volumes import Floats, Mask

#: Longer axes are all the same: there is no memory for them.
_LONGEST_AXIS = 10**6


def correct_eddies(image: Path, folders: DwiFolders, *, skipeddy: bool, log: ProgressLog) -> Path:
    """Leave `eddy_corrected_data.nii.gz`, and return the image to process: the preview corrects nothing.

    Parameters
    ----------
    skipeddy
        Whether to take the file of an earlier run; without one m2g, too, does it again.
    """
    corrected = folders.preproc / "eddy_corrected_data.nii.gz"
    if skipeddy:
        if corrected.is_file():
            return corrected
        log.write("Cannot skip preprocessing if it has not already been run!")
    empty(folders.preproc, log)
    log.call("eddy_correct", output=corrected)
    if image.name.endswith(".gz"):
        shutil.copyfile(image, corrected)
    else:
        with (
            image.open("rb") as source,
            corrected.open("wb") as target,
            gzip.GzipFile("", "wb", fileobj=target, mtime=0) as packed,
        ):
            shutil.copyfileobj(source, packed)
    return image


def write_gradients(table: Gradients, affine: NDArray[np.float64], folders: DwiFolders, *, log: ProgressLog) -> None:
    """Write the b-values and directions, and the directions along the axes of the turned image."""
    bvals, bvecs = table.table.bvals, table.table.bvecs
    log.write("Rescaling b-vectors...")
    np.savetxt(folders.preproc / "bval.bval", bvals)
    np.savetxt(folders.preproc / "bvec.bvec", bvecs)
    np.savetxt(folders.preproc / "bvec_scaled.bvec", bvecs)
    turned = np.empty_like(bvecs)
    for axis, (anatomical_axis, sign) in enumerate(nib.io_orientation(affine)):
        turned[:, int(anatomical_axis)] = sign * bvecs[:, axis]
    np.savetxt(folders.preproc / "bvecs_reor.bvec", turned.T, fmt="%.8f")


def reorient_dwi(folders: DwiFolders, voxel_size: str, *, log: ProgressLog) -> None:
    """Leave the series turned to RAS+ and resliced, for what reads m2g's outputs: the preview fits its own voxels."""
    source = folders.preproc / "eddy_corrected_data.nii.gz"
    log.call("reorient_dwi", inputs=(source,))
    log.write(f"Reorienting {source} to RAS+...")
    turned = folders.preproc / "eddy_corrected_data_reor_RAS.nii.gz"
    nib.save(nib.as_closest_canonical(nib.load(source)), turned)
    _match_voxel_size(turned, voxel_size, log)


def reorient_t1w(t1w: Path, folders: DwiFolders, voxel_size: str, *, skipreg: bool, log: ProgressLog) -> Path:
    """Leave the T1w turned to RAS+ and resliced, and return the second; files of an earlier run go first."""
    if not skipreg:
        for folder in (folders.anat, folders.registered, folders.reg_m, folders.reg_a):
            if any(folder.iterdir()):
                empty(folder, log)
    log.call("reorient_t1w", inputs=(t1w,))
    log.write(f"Reorienting {t1w} to RAS+...")
    turned = volumes.save_reoriented(t1w, folders.anat)
    resliced = _match_voxel_size(turned, voxel_size, log)
    log.write("Running registration in native space...")
    return resliced


def save_b0(
    data: Floats, table: Gradients, affine: NDArray[np.float64], folders: DwiFolders, *, log: ProgressLog
) -> tuple[Floats, Mask]:
    """Write each b=0 volume, their mean and its brain; return the mean and which voxels are brain."""
    with log.timed("make_gtab_and_bmask"):
        places = np.flatnonzero(table.table.b0s_mask)
        log.write(f"B0s found at: {places}")
        log.write("Extracting B0's...")
        for place in places:
            volumes.save(folders.preproc / f"{place}_B0.nii.gz", data[..., place], affine)
        b0: Floats = data[..., places].mean(axis=3)
        mask, method = volumes.brain_mask(b0)
        log.remark(f"brain mask: {int(mask.sum())} of {mask.size} voxels ({method}).")
        volumes.save(folders.preproc / "nodif_B0.nii.gz", b0, affine)
        volumes.save(folders.preproc / "nodif_B0_bet.nii.gz", np.where(mask, b0, 0).astype(np.float32), affine)
        volumes.save(folders.preproc / "nodif_B0_bet_mask.nii.gz", mask.astype(np.uint8), affine)
    return b0, mask


def _match_voxel_size(path: Path, voxel_size: str, log: ProgressLog) -> Path:
    """Write an image with cubic voxels of this size, under the name that m2g gives it."""
    log.call("match_target_vox_res", inputs=(path,))
    log.write(f"Reslicing image {path} to {voxel_size}...")
    stub, edge = path.name.removesuffix(".nii.gz"), float(voxel_size.removesuffix("mm"))
    image: Any = nib.load(path)
    sizes = np.asarray(image.header.get_zooms()[:3], dtype=np.float64)
    if (sizes == edge).all():
        same = path.with_name(f"{stub}_nores.nii.gz")
        shutil.copyfile(path, same)
        return same
    target = path.with_name(f"{stub}_res.nii.gz")
    # The header's voxels may be of any size: of meters, too, or of none.
    counts = np.clip(np.nan_to_num(np.rint(sizes * image.shape[:3] / edge), nan=1), 1, _LONGEST_AXIS)
    shape = tuple(int(count) for count in counts)
    ensure_fits((*shape, *image.shape[3:]))
    data = np.asarray(image.dataobj, dtype=np.float32)
    affine = rescale_affine(image.affine, data.shape[:3], (edge,) * 3, shape)
    to_source = np.linalg.inv(image.affine) @ affine
    volumes.save(target, _resample(data, to_source, shape), affine)
    return target


def _resample(data: Floats, to_source: NDArray[np.float64], shape: tuple[int, ...]) -> Floats:
    """Read a volume, or each volume of a series, at the places of other voxels, with linear interpolation."""
    if data.ndim == 4:
        return np.stack([_resample(data[..., index], to_source, shape) for index in range(data.shape[3])], axis=-1)
    resampled: Floats = ndimage.affine_transform(
        data, to_source[:3, :3], to_source[:3, 3], output_shape=shape, order=1, mode="nearest"
    )
    return resampled
