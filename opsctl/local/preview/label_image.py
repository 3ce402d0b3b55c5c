"""An atlas in a scan's own voxels: each voxel of the brain belongs to the nearest of the atlas's centres."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from nibabel.orientations import io_orientation
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from .atlases import Parcellation
from .volumes import Mask

Labels = NDArray[np.int32]


@dataclass(frozen=True, eq=False, kw_only=True)
class LabelImage:
    """A scan's voxels by region.

    Attributes
    ----------
    labels
        A volume: the atlas's label of each voxel, 0 outside every region.
    lost
        The labels of the atlas that no voxel has, ascending.
    """

    parcellation: Parcellation
    labels: Labels
    lost: tuple[int, ...]

    @property
    def nodes(self) -> Labels:
        """A volume: each voxel's node (1 for the atlas's first label), 0 outside every region."""
        ranks = np.searchsorted(self.parcellation.labels, self.labels) + 1
        return np.where(self.labels > 0, ranks, 0).astype(np.int32)

    def cut(self) -> LabelImage:
        """The image after m2g's cut: every label greater than the number of values in the image becomes 0.

        The background is one of the values (`node_num` in m2g/register.py); a cut-out of a brain may show none, but a
        whole head does. A region that the image lost already takes the highest label with it.
        """
        count = len(self.parcellation.labels) - len(self.lost) + 1
        return _image(self.parcellation, np.where(self.labels > count, 0, self.labels))


class BrainSpace:
    """Where the voxels of a brain lie in its bounding box, along left-right, posterior-anterior, inferior-superior.

    Parameters
    ----------
    mask
        Which voxels are brain.
    affine
        Tells which way the image's axes run.
    """

    def __init__(self, mask: Mask, affine: NDArray[np.float64]) -> None:
        self.mask = mask
        voxels = np.argwhere(mask)
        shares = np.empty((len(voxels), 3))
        for axis, (anatomical_axis, sign) in enumerate(io_orientation(affine)):
            places = sign * voxels[:, axis]
            extent = places.max() - places.min()
            # A flat brain lies in the middle of the box.
            shares[:, int(anatomical_axis)] = (places - places.min()) / extent if extent else 0.5
        self.shares: NDArray[np.float64] = shares

    def parcellate(self, parcellation: Parcellation) -> LabelImage:
        """Give each voxel to the nearest centre, with the bounding box of the centres laid over the brain's."""
        low, high = parcellation.centres.min(axis=0), parcellation.centres.max(axis=0)
        nearest = cKDTree(parcellation.centres).query(low + self.shares * (high - low))[1]
        labels = np.zeros(self.mask.shape, dtype=np.int32)
        labels[self.mask] = parcellation.labels[nearest]
        return _image(parcellation, labels)

    def ellipsoid(self, centre: tuple[float, float, float], radii: tuple[float, float, float]) -> Mask:
        """Return the voxels inside an ellipsoid, whose centre and radii are shares of the bounding box."""
        inside = (((self.shares - centre) / np.array(radii)) ** 2).sum(axis=1) <= 1
        volume: Mask = np.zeros(self.mask.shape, dtype=np.bool_)
        volume[self.mask] = inside
        return volume


def _image(parcellation: Parcellation, labels: Labels) -> LabelImage:
    lost = np.setdiff1d(parcellation.labels, labels)
    return LabelImage(parcellation=parcellation, labels=labels, lost=tuple(int(label) for label in lost))
