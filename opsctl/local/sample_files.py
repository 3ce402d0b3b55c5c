"""Writes samples: volumes that DIPY and nibabel ship, as files of BIDS."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from opsctl.core.errors import ErrorCode, Problem, write_error_code
from opsctl.installation import ensure_extra, installation
from opsctl.local.new_files import NewFiles
from opsctl.safe_folder import SafeFolder

_B0_THRESHOLD = 50


@dataclass(frozen=True)
class SampleSummary:
    """The dataset that was written.

    Attributes
    ----------
    scans
        The number of primary images: diffusion and BOLD series.
    """

    folder: Path
    subjects: int
    scans: int
    files: int
    size_bytes: int


@dataclass(frozen=True)
class Diffusion:
    """One of DIPY's diffusion series."""

    name: str
    data: NDArray[Any]
    affine: NDArray[np.float64]
    bvals: NDArray[np.float64]
    bvecs: NDArray[np.float64]

    @property
    def b0s(self) -> NDArray[np.intp]:
        """Its b=0 volumes."""
        return np.flatnonzero(self.bvals <= _B0_THRESHOLD)

    @property
    def weighted(self) -> NDArray[np.intp]:
        """Its diffusion-weighted volumes."""
        return np.flatnonzero(self.bvals > _B0_THRESHOLD)


def write_dataset(folder: Path, write: Callable[[NewFiles], None]) -> SampleSummary:
    """Write a dataset into a folder, whole or not at all.

    Parameters
    ----------
    folder
        New or empty.
    write
        Writes its files.

    Raises
    ------
    Problem
        The folder is not empty or cannot be written, the extra `local` is not installed, or a package lacks its data.
    """
    ensure_extra("local")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # A sample that could not be written has left its folders.
        occupied = any(path.is_symlink() or not path.is_dir() for path in folder.rglob("*"))
    except OSError as error:
        raise Problem(
            f"{folder} is not a folder to write to: {error.strerror}.",
            "Name another folder.",
            code=write_error_code(error),
        ) from error
    if occupied:
        raise Problem(
            f"{folder} is not empty, and the sample overwrites nothing.",
            "Name a new or empty folder.",
            code=ErrorCode.OUTPUT_IN_USE,
        )
    try:
        with SafeFolder(folder) as root:
            files = NewFiles(root)
            try:
                write(files)
            except BaseException:
                files.remove()
                raise
    except OSError as error:
        code = write_error_code(error)
        raise Problem(
            f"{error.filename or folder} cannot be written ({error.strerror}).",
            "Name another folder, or free some space." if code is ErrorCode.DISK_FULL else "Name another folder.",
            code=code,
        ) from error
    written = [path for path in folder.rglob("*") if path.is_file()]
    return SampleSummary(
        folder=folder,
        subjects=len(list(folder.glob("sub-*"))),
        scans=sum(path.name.endswith(("_dwi.nii.gz", "_bold.nii.gz")) for path in written),
        files=len(written),
        size_bytes=sum(path.stat().st_size for path in written),
    )


def diffusion(name: str) -> Diffusion:
    """Read one of DIPY's diffusion series.

    Raises
    ------
    Problem
        DIPY lacks its file.
    """
    # Imported here: DIPY's data module takes a second to import, and an error needs none of it.
    from dipy.data import get_fnames

    image_path, bval_path, bvec_path = (Path(path) for path in get_fnames(name=name))
    if not image_path.is_file():
        raise Problem(
            f"DIPY here has no {image_path.name}.",
            f"Install opsctl again: `{installation().again()}`.",
            code=ErrorCode.INSTALLATION_INCOMPLETE,
        )
    data, affine = read_voxels(image_path)
    bvecs = np.loadtxt(bvec_path)
    # One file has a direction in each row, the other, as in BIDS, in each column.
    bvecs = bvecs if bvecs.shape[1] == 3 else bvecs.T
    return Diffusion(name=name, data=data, affine=affine, bvals=np.loadtxt(bval_path), bvecs=np.nan_to_num(bvecs))


def read_voxels(path: Path) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """Read an image's voxels and affine."""
    image: Any = nib.load(path)
    return np.asarray(image.dataobj), image.affine


def split_directions(series: Diffusion) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Split the directions into two disjoint sets that both cover the sphere: of two neighbours, each set gets one."""
    remaining = list(series.weighted)
    firsts, seconds = [], []
    while len(remaining) > 1:
        first = remaining.pop(0)
        nearest = max(remaining, key=lambda volume: abs(float(series.bvecs[first] @ series.bvecs[volume])))
        remaining.remove(nearest)
        firsts.append(first)
        seconds.append(nearest)
    return np.sort(np.array(firsts)), np.sort(np.array(seconds))


def write_diffusion(
    files: NewFiles,
    subject: str,
    session: str,
    series: Diffusion,
    directions: NDArray[np.intp],
    *,
    perturbed: str = "",
) -> None:
    """Write a diffusion series with its gradients, and its mean b=0 volume in place of a T1w.

    Parameters
    ----------
    directions
        The diffusion-weighted volumes to write.
    perturbed
        What was done to the voxels, as a sentence.
    """
    stub = f"sub-{subject}_ses-{session}"
    base = f"sub-{subject}/ses-{session}"
    volumes = np.concatenate([series.b0s, directions])
    bvecs = np.where((series.bvals[volumes] <= _B0_THRESHOLD)[:, None], 0, series.bvecs[volumes])
    write_image(files, f"{base}/dwi/{stub}_dwi.nii.gz", series.data[..., volumes], series.affine)
    write_text(files, f"{base}/dwi/{stub}_dwi.bval", _row(series.bvals[volumes], "{:g}"))
    write_text(files, f"{base}/dwi/{stub}_dwi.bvec", "".join(_row(axis, "{:.6f}") for axis in bvecs.T))
    source = f"{series.name} of dipy {version('dipy')}"
    write_json(
        files,
        f"{base}/dwi/{stub}_dwi.json",
        {
            "Description": f"{len(directions)} directions and the b=0 volume of {source}. {perturbed}".strip(),
            "SourceVolumes": volumes.tolist(),
        },
    )
    mean_b0 = np.round(series.data[..., series.b0s].mean(axis=3)).astype(np.int16)
    write_image(files, f"{base}/anat/{stub}_T1w.nii.gz", mean_b0, series.affine)
    write_json(
        files,
        f"{base}/anat/{stub}_T1w.json",
        {"Description": f"Not a T1w image: the mean b=0 volume of {source} stands in for one. {perturbed}".strip()},
    )


def write_image(
    files: NewFiles, place: str, data: NDArray[Any], affine: NDArray[np.float64], *, repetition: float | None = None
) -> None:
    """Write a NIfTI image, the same bytes each time.

    Parameters
    ----------
    repetition
        The repetition time of a series, in seconds.
    """
    image = nib.Nifti1Image(data, affine)
    image.header.set_xyzt_units("mm", "sec")
    if repetition is not None:
        image.header.set_zooms((*image.header.get_zooms()[:3], repetition))
    # By default gzip writes the current time into the file.
    files.write(place, gzip.compress(image.to_bytes(), mtime=0))


def write_json(files: NewFiles, place: str, content: dict[str, Any]) -> None:
    """Write a JSON file."""
    write_text(files, place, json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def write_text(files: NewFiles, place: str, text: str) -> None:
    """Write a text file."""
    files.write(place, text.encode())


def _row(values: NDArray[Any], format_string: str) -> str:
    return " ".join(format_string.format(value) for value in values) + "\n"
