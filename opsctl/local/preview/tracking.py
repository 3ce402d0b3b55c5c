"""Follow the fibre directions from voxel to voxel: streamlines."""

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

from opsctl.core.errors import Problem
from opsctl.core.runs.m2g_options import Mod

from .journal import Journal
from .volumes import Floats, voxel_sizes_mm

#: Tracking starts and goes on where FA is above this.
FA_THRESHOLD = 0.2
#: m2g drops streamlines below 30 mm; a cut-out of 20 mm has hardly any, so there a quarter of its shortest side.
_LEAST_LENGTH_MM = 30.0
_LEAST_SHARE = 0.25
#: How many seeds the preview takes in all, so that a scan takes seconds. A probabilistic step costs ten times as much.
_MOST_SEEDS: dict[Mod, int] = {"det": 2000, "prob": 500}
#: A second run must give the same numbers.
_RANDOM_SEED = 20200

_REPORTS = 4


@dataclass(frozen=True)
class Tracts:
    """Streamlines in mm along the image's own axes, the first voxel's centre at 0.

    `grid` maps voxels to these millimetres. Tracking in the scanner's axes instead would trip over affines with shear.
    """

    streamlines: Any
    grid: NDArray[np.float64]


def track(peaks: Any, fa: Floats, affine: NDArray[np.float64], *, mod: Mod, density: int, journal: Journal) -> Tracts:
    """Track from random seeds in the white matter.

    Raises
    ------
    Problem
        No white matter to seed in, or no streamline of sufficient length.
    """
    sizes = voxel_sizes_mm(affine)
    grid = np.diag([*sizes, 1.0])
    seeds = _seeds(fa, grid, mod=mod, density=density, journal=journal)
    directions = peaks
    if mod == "prob":
        directions = ProbabilisticDirectionGetter.from_shcoeff(
            peaks.shm_coeff, max_angle=60.0, sphere=get_sphere(name="repulsion724"), sh_to_pmf=True
        )
    stop = stopping_criterion.ThresholdStoppingCriterion(fa.astype(np.float64), FA_THRESHOLD)
    found = Streamlines()
    done = 0
    for part in np.array_split(seeds, _REPORTS):
        found.extend(
            LocalTracking(directions, stop, part, grid, step_size=float(sizes.min()) / 2, random_seed=_RANDOM_SEED)
        )
        done += len(part)
        journal.say(f"Tracked {done} of {len(seeds)} seeds: {len(found)} streamlines.")
    least = min(_LEAST_LENGTH_MM, _LEAST_SHARE * float((sizes * fa.shape).min()))
    lengths = np.array([_length(line) for line in found])
    kept = found[lengths >= least]
    journal.say(
        f"Kept {len(kept)} of {len(found)} streamlines, those of {least:.1f} mm or more "
        f"(m2g: {_LEAST_LENGTH_MM:.0f} mm); "
        + (f"median length {np.median(lengths[lengths >= least]):.1f} mm." if len(kept) else "none.")
    )
    if not len(kept):
        raise Problem("No streamline is long enough to join two parcels.")
    return Tracts(streamlines=kept, grid=grid)


def save(tracts: Tracts, path: Path, *, shape: tuple[int, ...], affine: NDArray[np.float64]) -> None:
    """Write a TrackVis file, placed in the scanner's millimetres so that viewers show it over the image."""
    path.parent.mkdir(parents=True, exist_ok=True)
    tractogram = nib.streamlines.Tractogram(tracts.streamlines, affine_to_rasmm=affine @ np.linalg.inv(tracts.grid))
    header = nib.streamlines.TrkFile.create_empty_header()
    header["dimensions"] = shape
    header["voxel_sizes"] = voxel_sizes_mm(affine)
    header["voxel_to_rasmm"] = affine
    header["voxel_order"] = "".join(nib.aff2axcodes(affine))
    nib.streamlines.save(nib.streamlines.TrkFile(tractogram, header=header), str(path))


def _seeds(fa: Floats, grid: NDArray[np.float64], *, mod: Mod, density: int, journal: Journal) -> NDArray[np.float64]:
    white = fa > FA_THRESHOLD
    voxels = int(white.sum())
    if not voxels:
        raise Problem(f"No white matter to seed in: no voxel has an FA above {FA_THRESHOLD}.")
    asked, most = voxels * density, _MOST_SEEDS[mod]
    bounded = asked > most
    journal.say(
        f"{min(asked, most)} seeds in {voxels} voxels with FA above {FA_THRESHOLD}: --seeds {density} asks for {asked}"
        + (f", the preview takes {most} of them." if bounded else ".")
    )
    seeds = random_seeds_from_mask(
        white,
        grid,
        seeds_count=most if bounded else density,
        seed_count_per_voxel=not bounded,
        random_seed=_RANDOM_SEED,
    )
    return np.asarray(seeds, dtype=np.float64)


def _length(line: NDArray[np.float32]) -> float:
    return float(np.linalg.norm(np.diff(line, axis=0), axis=1).sum())
