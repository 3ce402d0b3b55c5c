"""A larger sample whose discriminability is known: twelve subjects with two sessions, made from one real volume."""

from __future__ import annotations

from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from opsctl import __version__
from opsctl.local.new_files import NewFiles
from opsctl.local.sample_files import (
    Diffusion,
    SampleSummary,
    diffusion,
    split_directions,
    write_dataset,
    write_diffusion,
    write_json,
    write_text,
)

SUBJECTS = 12
SESSIONS = 2
#: The scans that have each other's voxels in the variant with exchanged labels, as subject and session.
SWAPPED = (("03", "2"), ("09", "2"))

_SOURCE = "small_64D"
#: A subject's own shape: how far a voxel is moved (root mean square, in voxels of 2 mm), and over how many voxels the
#: displacement stays alike.
_SHIFT_VOXELS = 0.5
_SMOOTH_VOXELS = 2.0
#: A session's own noise, as a share of the mean b=0 signal.
_NOISE_SHARE = 0.05
_SEED = 20

_README = f"""\
# opsctl's sample for `opsctl reliability`

{SUBJECTS} subjects with {SESSIONS} sessions, all made from one volume: `{_SOURCE}` of DIPY, 10 x 10 x 10 voxels
of 2 mm. It is for trying `opsctl reliability` out, with an answer that is known. It is not for research, and the
subjects are not people.

What was done to the volume:

- Each subject has its own shape. The voxels are displaced by a random field, smoothed with a Gaussian of
  {_SMOOTH_VOXELS:g} voxels: by {_SHIFT_VOXELS:g} voxels (root mean square along each axis), the same for all volumes
  and both sessions. Values between voxels are interpolated linearly. The directions are not turned with the voxels.
- Each session has its own noise: Rician, {_NOISE_SHARE:.0%} of the mean b=0 signal.
- All scans have the same 32 of the 64 directions and the one b=0 volume. The T1w is the b=0 volume of the same scan.
- The random numbers have fixed seeds: the same versions of opsctl, DIPY, NumPy and SciPy write the same bytes.

So connectomes differ by subject more than by session. With m2g's preview, model csa and the parcellations Desikan and
AAL, the discriminability D is 0.96 and 0.97. Other versions of the libraries change it by 0.03 at most.

DIPY ships the volume as test data under its own licence (BSD-3-Clause). To cite: Garyfallidis et al. (2014), Dipy, a
library for the analysis of diffusion MRI data, Frontiers in Neuroinformatics 8:8,
https://doi.org/10.3389/fninf.2014.00008.
"""


def write_reliability_sample(folder: Path, *, is_swapped: bool) -> SampleSummary:
    """Write the dataset. The same package versions write the same bytes.

    Parameters
    ----------
    folder
        New or empty.
    is_swapped
        Whether two scans (`SWAPPED`) have each other's voxels, as if their labels had been exchanged.

    Raises
    ------
    Problem
        The folder is not empty or cannot be written, the extra `local` is not installed, or DIPY lacks the volume.
    """
    return write_dataset(folder, lambda files: _write_files(files, is_swapped=is_swapped))


def _write_files(files: NewFiles, *, is_swapped: bool) -> None:
    source = diffusion(_SOURCE)
    directions, _ = split_directions(source)
    exchange = dict(zip(SWAPPED, reversed(SWAPPED), strict=True)) if is_swapped else {}
    for number in range(1, SUBJECTS + 1):
        for session in range(1, SESSIONS + 1):
            label = (f"{number:02d}", str(session))
            # The sidecars do not tell which scans are exchanged; the README does.
            series = _perturbed(source, *map(int, exchange.get(label, label)))
            write_diffusion(files, *label, series, directions, perturbed="Perturbed: see README.")
    _write_description(files, is_swapped=is_swapped)


def _perturbed(source: Diffusion, subject: int, session: int) -> Diffusion:
    """The volume in a subject's shape, with a session's noise."""
    # Imported here: SciPy is in the extra `local`, which is looked for first.
    from scipy import ndimage

    shape = source.data.shape[:3]
    places = np.indices(shape) + _displacement(np.random.default_rng([_SEED, subject]), shape)
    volumes = [
        ndimage.map_coordinates(source.data[..., volume].astype(np.float64), places, order=1, mode="nearest")
        for volume in range(source.data.shape[3])
    ]
    moved = np.stack(volumes, axis=-1)
    noise = np.random.default_rng([_SEED, subject, session]).standard_normal((2, *moved.shape))
    real, imaginary = _NOISE_SHARE * float(source.data[..., source.b0s].mean()) * noise
    return replace(source, data=np.rint(np.hypot(moved + real, imaginary)).astype(np.int16))


def _displacement(draw: np.random.Generator, shape: tuple[int, ...]) -> NDArray[Any]:
    """How far each voxel is moved along each axis, in voxels."""
    from scipy import ndimage

    axes = [ndimage.gaussian_filter(draw.standard_normal(shape), _SMOOTH_VOXELS, mode="nearest") for _ in range(3)]
    field = np.stack(axes)
    return np.asarray(field * (_SHIFT_VOXELS / np.sqrt((field**2).mean())))


def _write_description(files: NewFiles, *, is_swapped: bool) -> None:
    write_json(
        files,
        "dataset_description.json",
        {
            "Name": "opsctl sample for reliability: one volume of DIPY, perturbed by subject and by session",
            "BIDSVersion": "1.9.0",
            "DatasetType": "raw",
            "License": "DIPY's own: BSD-3-Clause. See README.",
            "Authors": ["The DIPY developers"],
            "Acknowledgements": "Subjects and sessions are perturbations of one volume: see README.",
            "ReferencesAndLinks": ["https://doi.org/10.3389/fninf.2014.00008"],
            "GeneratedBy": [{"Name": "opsctl", "Version": __version__}],
            "SourceDatasets": [{"URL": "https://pypi.org/project/dipy/", "Version": version("dipy")}],
        },
    )
    text = _README
    if is_swapped:
        first, second = (f"sub-{subject}/ses-{session}" for subject, session in SWAPPED)
        text += (
            f"\nIn this variant the labels of {first} and {second} are exchanged: each has the voxels of the other.\n"
            "D is about 0.1 less, and the list of scans to look at names the pair.\n"
        )
    write_text(files, "README", text)
    subjects = "".join(f"sub-{number:02d}\tdipy {_SOURCE}, perturbed\n" for number in range(1, SUBJECTS + 1))
    write_text(files, "participants.tsv", f"participant_id\tsource\n{subjects}")
    write_json(
        files,
        "participants.json",
        {"source": {"Description": "The package, its volume, and what was done to it: see README."}},
    )
