"""A small real BIDS dataset, made from volumes that DIPY and nibabel ship. Nothing is downloaded or made up."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np

from opsctl import __version__
from opsctl.core.errors import ErrorCode, Problem
from opsctl.installation import installation
from opsctl.local.new_files import NewFiles
from opsctl.local.sample_files import (
    SampleSummary,
    diffusion,
    read_voxels,
    split_directions,
    write_dataset,
    write_diffusion,
    write_image,
    write_json,
    write_text,
)

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
    return write_dataset(folder, _write_files)


def _write_files(files: NewFiles) -> None:
    small_64d, small_101d = diffusion("small_64D"), diffusion("small_101D")
    session_1, session_2 = split_directions(small_64d)
    bvals = small_101d.bvals
    write_diffusion(files, "01", "1", small_64d, session_1)
    write_diffusion(files, "01", "2", small_64d, session_2)
    write_diffusion(files, "02", "1", small_101d, np.flatnonzero((bvals > 2350) & (bvals < 3150)))
    write_diffusion(files, "02", "2", small_101d, np.flatnonzero(bvals > 3250))
    _write_functional(files, "03", "1")
    _write_description(files)


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
    voxels, affine = read_voxels(sources["bold"])
    write_image(
        files, f"{base}/func/{name}.nii.gz", np.round(voxels).astype(np.int16), affine, repetition=repetition_seconds
    )
    write_json(
        files,
        f"{base}/func/{name}.json",
        {
            "TaskName": "unknown",
            "RepetitionTime": repetition_seconds,
            "Description": f"functional.nii {source}, which does not name the task.",
        },
    )
    voxels, affine = read_voxels(sources["T1w"])
    write_image(files, f"{base}/anat/{stub}_T1w.nii.gz", np.round(voxels).astype(np.int16), affine)
    write_json(files, f"{base}/anat/{stub}_T1w.json", {"Description": f"anatomical.nii {source}."})


def _write_description(files: NewFiles) -> None:
    write_json(
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
    write_text(files, "README", _README)
    write_text(
        files,
        "participants.tsv",
        "participant_id\tsource\nsub-01\tdipy small_64D\nsub-02\tdipy small_101D\nsub-03\tnibabel functional.nii\n",
    )
    write_json(
        files, "participants.json", {"source": {"Description": "The package, and its volume, that this is cut from."}}
    )
