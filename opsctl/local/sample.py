"""A small real BIDS dataset, made from volumes that DIPY and nibabel ship. Nothing is downloaded or made up."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from opsctl import __version__
from opsctl.core.errors import ErrorCode, Problem, write_error_code
from opsctl.installation import ensure_extra, installation
from opsctl.local.new_files import NewFiles
from opsctl.safe_folder import SafeFolder

_B0_THRESHOLD = 50

_README = """\
# opsctl's sample

A dataset small enough to run on a laptop in seconds and real enough to fit: cut-outs of brain scans that ship
inside two Python packages, arranged as BIDS. It is for trying opsctl out. It is not for research.

- sub-01: `small_64D` of DIPY, 10 x 10 x 10 voxels of 2 mm, 64 directions at about b = 1000 s/mm², one b=0 volume.
  Its directions were parted into two disjoint sets of 32, each spread over the sphere: ses-1 has one, ses-2 the other.
- sub-02: `small_101D` of DIPY, 6 x 10 x 10 voxels of 2.5 mm, a grid in q-space with one b=0 volume.
  ses-1 has its 33 directions with b from 2400 to 3100 s/mm², ses-2 its 28 with b from 3300 to 4100 s/mm².
- sub-03: `functional.nii` and `anatomical.nii` of nibabel, 17 x 21 x 3 voxels of 4 x 4 x 8 mm, 20 volumes.

So the two sessions of sub-01 and of sub-02 share no diffusion-weighted volume, but they come from one acquisition and
share its only b=0 volume. They are no test-retest data.

What stands in for something else:

- The T1w images of sub-01 and sub-02 are the b=0 volume: DIPY ships no T1w with these cut-outs. sub-03's is a T1w.
- The labels are opsctl's. Neither package names the people or says whether two volumes are of one person.
- DIPY does not say by which convention its b-vectors' axes are signed; they are copied as DIPY reads them.
- nibabel does not say what the person did while `functional.nii` was measured: the task is called `unknown`.
  The repetition time is the one in the file's header.

Both packages ship the volumes as test data, under the packages' own licences (DIPY BSD-3-Clause, nibabel MIT), and
name no other. To cite: Garyfallidis et al. (2014), Dipy, a library for the analysis of diffusion MRI data,
Frontiers in Neuroinformatics 8:8, https://doi.org/10.3389/fninf.2014.00008; Brett et al., nibabel,
https://doi.org/10.5281/zenodo.591597.
"""


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
class _Diffusion:
    """One of DIPY's diffusion series."""

    name: str
    data: NDArray[Any]
    affine: NDArray[np.float64]
    bvals: NDArray[np.float64]
    bvecs: NDArray[np.float64]

    @property
    def b0s(self) -> NDArray[np.intp]:
        return np.flatnonzero(self.bvals <= _B0_THRESHOLD)

    @property
    def weighted(self) -> NDArray[np.intp]:
        return np.flatnonzero(self.bvals > _B0_THRESHOLD)


def write_sample(folder: Path) -> SampleSummary:
    """Write the dataset. The same package versions write the same bytes, so that a second upload sends nothing.

    Parameters
    ----------
    folder
        New or empty.

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
                _write_dataset(files)
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


def _write_dataset(files: NewFiles) -> None:
    small_64d, small_101d = _diffusion("small_64D"), _diffusion("small_101D")
    session_1, session_2 = _split_directions(small_64d)
    bvals = small_101d.bvals
    _write_diffusion(files, "01", "1", small_64d, session_1)
    _write_diffusion(files, "01", "2", small_64d, session_2)
    _write_diffusion(files, "02", "1", small_101d, np.flatnonzero((bvals > 2350) & (bvals < 3150)))
    _write_diffusion(files, "02", "2", small_101d, np.flatnonzero(bvals > 3250))
    _write_functional(files, "03", "1")
    _write_description(files)


def _diffusion(name: str) -> _Diffusion:
    # Imported here: DIPY's data module takes a second to import, and an error needs none of it.
    from dipy.data import get_fnames

    image_path, bval_path, bvec_path = (Path(path) for path in get_fnames(name=name))
    if not image_path.is_file():
        raise Problem(
            f"DIPY here has no {image_path.name}.",
            f"Install opsctl again: `{installation().again()}`.",
            code=ErrorCode.INSTALLATION_INCOMPLETE,
        )
    data, affine = _voxels(image_path)
    bvecs = np.loadtxt(bvec_path)
    # One file has a direction in each row, the other, as in BIDS, in each column.
    bvecs = bvecs if bvecs.shape[1] == 3 else bvecs.T
    return _Diffusion(name=name, data=data, affine=affine, bvals=np.loadtxt(bval_path), bvecs=np.nan_to_num(bvecs))


def _voxels(path: Path) -> tuple[NDArray[Any], NDArray[np.float64]]:
    image: Any = nib.load(path)
    return np.asarray(image.dataobj), image.affine


def _split_directions(series: _Diffusion) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
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


def _write_diffusion(
    files: NewFiles, subject: str, session: str, series: _Diffusion, directions: NDArray[np.intp]
) -> None:
    stub = f"sub-{subject}_ses-{session}"
    base = f"sub-{subject}/ses-{session}"
    volumes = np.concatenate([series.b0s, directions])
    bvecs = np.where((series.bvals[volumes] <= _B0_THRESHOLD)[:, None], 0, series.bvecs[volumes])
    _write_image(files, f"{base}/dwi/{stub}_dwi.nii.gz", series.data[..., volumes], series.affine)
    _write_text(files, f"{base}/dwi/{stub}_dwi.bval", _row(series.bvals[volumes], "{:g}"))
    _write_text(files, f"{base}/dwi/{stub}_dwi.bvec", "".join(_row(axis, "{:.6f}") for axis in bvecs.T))
    source = f"{series.name} of dipy {version('dipy')}"
    _write_json(
        files,
        f"{base}/dwi/{stub}_dwi.json",
        {
            "Description": f"{len(directions)} directions and the b=0 volume of {source}.",
            "SourceVolumes": volumes.tolist(),
        },
    )
    mean_b0 = np.round(series.data[..., series.b0s].mean(axis=3)).astype(np.int16)
    _write_image(files, f"{base}/anat/{stub}_T1w.nii.gz", mean_b0, series.affine)
    _write_json(
        files,
        f"{base}/anat/{stub}_T1w.json",
        {"Description": f"Not a T1w image: the mean b=0 volume of {source} stands in for one."},
    )


def _write_functional(files: NewFiles, subject: str, session: str) -> None:
    stub = f"sub-{subject}_ses-{session}"
    base = f"sub-{subject}/ses-{session}"
    # nibabel.testing has this path too, but importing it needs pytest.
    data = Path(nib.__file__).parent / "tests/data"
    sources = {"bold": data / "functional.nii", "T1w": data / "anatomical.nii"}
    for path in sources.values():
        if not path.is_file():
            raise Problem(
                f"nibabel here lacks its test data ({path.name}).",
                f"Install opsctl again: `{installation().again()}`.",
                code=ErrorCode.INSTALLATION_INCOMPLETE,
            )
    series: Any = nib.load(sources["bold"])
    repetition_seconds = float(series.header.get_zooms()[3])
    source = f"of nibabel {version('nibabel')}"
    name = f"{stub}_task-unknown_bold"
    # The file holds scaled 16-bit numbers. Rounding to whole units changes them by a hundredth of the noise.
    voxels, affine = _voxels(sources["bold"])
    _write_image(
        files, f"{base}/func/{name}.nii.gz", np.round(voxels).astype(np.int16), affine, repetition=repetition_seconds
    )
    _write_json(
        files,
        f"{base}/func/{name}.json",
        {
            "TaskName": "unknown",
            "RepetitionTime": repetition_seconds,
            "Description": f"functional.nii {source}, which does not name the task.",
        },
    )
    voxels, affine = _voxels(sources["T1w"])
    _write_image(files, f"{base}/anat/{stub}_T1w.nii.gz", np.round(voxels).astype(np.int16), affine)
    _write_json(files, f"{base}/anat/{stub}_T1w.json", {"Description": f"anatomical.nii {source}."})


def _write_description(files: NewFiles) -> None:
    _write_json(
        files,
        "dataset_description.json",
        {
            "Name": "opsctl sample: cut-outs of real scans that ship with DIPY and nibabel",
            "BIDSVersion": "1.9.0",
            "DatasetType": "raw",
            "License": "The packages' own: BSD-3-Clause (DIPY: sub-01, sub-02), MIT (nibabel: sub-03). See README.",
            "Authors": ["The DIPY developers", "The nibabel developers"],
            "Acknowledgements": "Sessions share no direction, but are of one acquisition; T1w stand-ins: see README.",
            "ReferencesAndLinks": ["https://doi.org/10.3389/fninf.2014.00008", "https://doi.org/10.5281/zenodo.591597"],
            "GeneratedBy": [{"Name": "opsctl", "Version": __version__}],
            "SourceDatasets": [
                {"URL": "https://pypi.org/project/dipy/", "Version": version("dipy")},
                {"URL": "https://pypi.org/project/nibabel/", "Version": version("nibabel")},
            ],
        },
    )
    _write_text(files, "README", _README)
    _write_text(
        files,
        "participants.tsv",
        "participant_id\tsource\nsub-01\tdipy small_64D\nsub-02\tdipy small_101D\nsub-03\tnibabel functional.nii\n",
    )
    _write_json(
        files, "participants.json", {"source": {"Description": "The package, and its volume, that this is cut from."}}
    )


def _write_image(
    files: NewFiles, place: str, data: NDArray[Any], affine: NDArray[np.float64], *, repetition: float | None = None
) -> None:
    image = nib.Nifti1Image(data, affine)
    image.header.set_xyzt_units("mm", "sec")
    if repetition is not None:
        image.header.set_zooms((*image.header.get_zooms()[:3], repetition))
    # By default gzip writes the current time into the file.
    files.write(place, gzip.compress(image.to_bytes(), mtime=0))


def _write_json(files: NewFiles, place: str, content: dict[str, Any]) -> None:
    _write_text(files, place, json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def _write_text(files: NewFiles, place: str, text: str) -> None:
    files.write(place, text.encode())


def _row(values: NDArray[Any], format_string: str) -> str:
    return " ".join(format_string.format(value) for value in values) + "\n"
