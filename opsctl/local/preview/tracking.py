"""Track streamlines along the fibre directions."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from dipy.data import get_sphere
from dipy.direction import ProbabilisticDirectionGetter
from dipy.tracking import stopping_criterion
from dipy.tracking.local_tracking import LocalTracking
from dipy.tracking.streamline import Streamlines
from dipy.tracking.utils import random_seeds_from_mask
from numpy.typing import NDArray

from opsctl.core.errors import ErrorCode, Problem

from .progress import ProgressLog
from .volumes import Floats, voxel_sizes_mm

#: Tracking starts and continues where FA is above this.
FA_THRESHOLD = 0.2
#: m2g drops streamlines below 30 mm. A cut-out of 20 mm has hardly any that long: there the limit is a quarter of the
#: shortest side.
_MIN_LENGTH_MM = 30.0
_MIN_LENGTH_SHARE = 0.25
#: The preview's limit of seeds, so that a scan takes seconds. A probabilistic step costs ten times as much.
_MAX_SEEDS: dict[str, int] = {"det": 2000, "prob": 500}
#: A second run must give the same numbers.
_RANDOM_SEED = 20200

_PROGRESS_STEPS = 4


@dataclass(frozen=True)
class Tracts:
    """Streamlines in mm along the image's axes, with the first voxel's centre at 0.

    `grid` maps voxels to these millimetres. Tracking along the scanner's axes would fail for affines with shear.
    """

    streamlines: Any
    grid: NDArray[np.float64]


def track(
    peaks: Any, seeds: NDArray[np.float64], fa: Floats, affine: NDArray[np.float64], *, mod: str, log: ProgressLog
) -> Tracts:
    """Track from seeds in the white matter, as `place_seeds` returns them.

    Raises
    ------
    Problem
        No streamline is long enough.
    """
    sizes = voxel_sizes_mm(affine)
    grid = _grid(affine)
    directions = peaks
    if mod == "prob":
        directions = ProbabilisticDirectionGetter.from_shcoeff(
            peaks.shm_coeff, max_angle=60.0, sphere=get_sphere(name="repulsion724"), sh_to_pmf=True
        )
    stop = stopping_criterion.ThresholdStoppingCriterion(fa.astype(np.float64), FA_THRESHOLD)
    streamlines = Streamlines()
    done = 0
    for batch in np.array_split(seeds, _PROGRESS_STEPS):
        streamlines.extend(
            LocalTracking(directions, stop, batch, grid, step_size=float(sizes.min()) / 2, random_seed=_RANDOM_SEED)
        )
        done += len(batch)
        log.remark(f"tracked {done} of {len(seeds)} seeds: {len(streamlines)} streamlines.")
    min_length = min(_MIN_LENGTH_MM, _MIN_LENGTH_SHARE * float((sizes * fa.shape).min()))
    lengths = np.array([_length(streamline) for streamline in streamlines])
    long_enough = streamlines[lengths >= min_length]
    log.remark(
        f"kept {len(long_enough)} of {len(streamlines)} streamlines, those of {min_length:.1f} mm or more "
        f"(m2g: {_MIN_LENGTH_MM:.0f} mm); "
        + (f"median length {np.median(lengths[lengths >= min_length]):.1f} mm." if len(long_enough) else "none.")
    )
    if not len(long_enough):
        raise Problem("No streamline is long enough to join two parcels.", code=ErrorCode.INPUT_INVALID)
    return Tracts(streamlines=long_enough, grid=grid)


def save(tracts: Tracts, path: Path, *, shape: tuple[int, ...], affine: NDArray[np.float64]) -> None:
    """Write a TrackVis file in the scanner's coordinates, so that viewers show it over the image."""
    path.parent.mkdir(parents=True, exist_ok=True)
    tractogram = nib.streamlines.Tractogram(tracts.streamlines, affine_to_rasmm=affine @ np.linalg.inv(tracts.grid))
    header = nib.streamlines.TrkFile.create_empty_header()
    header["dimensions"] = shape
    header["voxel_sizes"] = voxel_sizes_mm(affine)
    header["voxel_to_rasmm"] = affine
    header["voxel_order"] = "".join(nib.aff2axcodes(affine))
    nib.streamlines.save(nib.streamlines.TrkFile(tractogram, header=header), str(path))


def place_seeds(
    fa: Floats, affine: NDArray[np.float64], *, mod: str, density: int, log: ProgressLog
) -> NDArray[np.float64]:
    """Return random places in the white matter, in the streamlines' millimetres.

    Raises
    ------
    Problem
        There is no white matter to seed in.
    """
    white = fa > FA_THRESHOLD
    voxels = int(white.sum())
    if not voxels:
        raise Problem(
            f"No white matter to seed in: no voxel has an FA above {FA_THRESHOLD}.", code=ErrorCode.INPUT_INVALID
        )
    requested, limit = voxels * density, _MAX_SEEDS.get(mod, 0)
    limited = requested > limit
    log.write(f"Using {min(requested, limit)} seeds...")
    log.remark(
        f"{min(requested, limit)} seeds in {voxels} voxels with FA above {FA_THRESHOLD}: "
        f"--seeds {density} asks for {requested}" + (f", the preview takes {limit} of them." if limited else ".")
    )
    seeds = random_seeds_from_mask(
        white,
        _grid(affine),
        seeds_count=limit if limited else density,
        seed_count_per_voxel=not limited,
        random_seed=_RANDOM_SEED,
    )
    return np.asarray(seeds, dtype=np.float64)


def _grid(affine: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.diag([*voxel_sizes_mm(affine), 1.0])


def _length(streamline: NDArray[np.float32]) -> float:
    return float(np.linalg.norm(np.diff(streamline, axis=0), axis=1).sum())
