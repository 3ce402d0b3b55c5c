"""The atlases that a scan is parcellated with: m2g's choice of them, their labels and centres, and their memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from opsctl import assets
from opsctl.core.atlases.atlas import Atlas
from opsctl.core.atlases.atlas_table import VOXEL_SIZES

from .m2g_error import M2gError
from .memory import allocation_error, job_memory_mib

#: An ellipsoid of a brain's size in MNI space: centre and radii in mm. For atlases whose centres opsctl does not know.
_BRAIN_CENTRE = np.array([0.0, -18.0, 8.0])
_BRAIN_RADII = np.array([68.0, 86.0, 68.0])


@dataclass(frozen=True, eq=False, kw_only=True)
class Parcellation:
    """An atlas at a run's voxel size.

    Attributes
    ----------
    labels
        Every region's label, ascending. Node k of a graph is the k-th of them.
    centres
        An (n, 3) array: each region's centre in MNI space, in mm.
    is_measured
        Whether labels and centres are neuroparc's; False: only their number and what m2g cuts of them.
    """

    atlas: Atlas
    voxel_size: str
    labels: NDArray[np.int64]
    centres: NDArray[np.float64]
    is_measured: bool

    @property
    def folder(self) -> str:
        """The atlas's name in m2g's outputs."""
        return self.atlas.folder(self.voxel_size)


def select(names: Sequence[str] | None, voxel_size: str) -> list[Atlas]:
    """Return the atlases that m2g processes, in its order: an atlas that two names match is in it twice.

    Parameters
    ----------
    names
        The values of `--parcellation`; None: not typed, so all atlases.

    Raises
    ------
    M2gError
        No atlas has this voxel size, or no name matches.
    """
    if voxel_size not in VOXEL_SIZES:
        raise M2gError("ValueError", "Voxel dimensions of input t1w image not currently supported by m2g.")
    table = assets.atlas_table()
    atlases = [atlas for atlas in table for name in names or ("",) if name in atlas.path(voxel_size)]
    if not atlases:
        raise M2gError("ValueError", "No valid parcellations found.")
    return atlases


def parcellation(atlas: Atlas, voxel_size: str) -> Parcellation:
    """Return an atlas's labels and centres.

    neuroparc's are known at 2 mm. A coarser atlas lacks some regions: the smallest are left out. Where the atlas has
    more regions than are known, all are made up, so that their number and what m2g cuts of them are the atlas's.
    """
    count = atlas.regions[voxel_size]
    nodes = assets.atlas_nodes().get(atlas.name, ())
    if len(nodes) >= count:
        largest = sorted(nodes, key=lambda node: node.voxels, reverse=True)[:count]
        kept = sorted(largest, key=lambda node: node.label)
        labels = np.array([node.label for node in kept])
        centres = np.array([(node.x_mm, node.y_mm, node.z_mm) for node in kept])
    else:
        # m2g removes the labels that are greater than the number of labels.
        within = atlas.kept[voxel_size]
        labels = np.concatenate([np.arange(1, within + 1), np.arange(count + 2, 2 * count - within + 2)])
        centres = _spread_over_a_brain(count)
    return Parcellation(
        atlas=atlas, voxel_size=voxel_size, labels=labels, centres=centres, is_measured=len(nodes) >= count
    )


def check_memory(atlas: Atlas, voxel_size: str, *, model: str) -> None:
    """Fail as m2g does where an atlas is too large for the job.

    Raises
    ------
    M2gError
        Making its graph needs more memory than the job has.
    """
    if atlas.memory_mib(voxel_size) > job_memory_mib(model):
        nodes = atlas.regions[voxel_size] + 1
        raise allocation_error((nodes, nodes))


def _spread_over_a_brain(count: int) -> NDArray[np.float64]:
    """Return points that fill an ellipsoid evenly, the same each time: an additive recurrence of low discrepancy."""
    # The real root of x**4 = x + 1, which spreads points best in three dimensions.
    root = 1.2207440846057596
    steps = np.arange(1, 3 * count + 1)[:, None] * root ** -np.arange(1.0, 4.0)
    cube = 2 * (steps % 1) - 1
    ball = cube[(cube**2).sum(axis=1) <= 1][:count]
    return np.asarray(_BRAIN_CENTRE + ball * _BRAIN_RADII)
