"""From streamlines to a connectome."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, triu

from .label_image import Labels
from .tracking import Tracts


@dataclass(frozen=True, eq=False, kw_only=True)
class Edges:
    """The edges of a graph, ordered by their nodes; `first` is less than `second`."""

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    weights: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.weights)


class StreamlineVoxels:
    """Which voxels each streamline runs through.

    Parameters
    ----------
    tracts
        Their points lie inside the image.
    shape
        Of the image, in voxels.
    """

    def __init__(self, tracts: Tracts, shape: tuple[int, ...]) -> None:
        lines = tracts.streamlines
        points = np.concatenate([np.asarray(line) for line in lines]) / np.diag(tracts.grid)[:3]
        voxels = np.floor(points + 0.5).astype(np.int64)
        self._voxels = np.ravel_multi_index(tuple(np.clip(voxels, 0, np.array(shape) - 1).T), shape)
        self._lines = np.repeat(np.arange(len(lines)), [len(line) for line in lines])
        self.count = len(lines)

    def edges(self, nodes: Labels) -> Edges:
        """Return how many streamlines join each pair of nodes; pairs that none joins are left out.

        As in m2g, a streamline joins every pair of regions on its way, not only those at its ends.

        Parameters
        ----------
        nodes
            A volume: each voxel's node, 0 outside every region.
        """
        on_the_way = nodes.ravel()[self._voxels]
        inside = on_the_way > 0
        shape = (self.count, int(nodes.max(initial=0)) + 1)
        passes = csr_matrix((np.ones(int(inside.sum())), (self._lines[inside], on_the_way[inside])), shape=shape)
        # A streamline counts once for a region, however many of its points lie there.
        passes.data[:] = 1
        pairs = triu(passes.T @ passes, k=1).tocoo()
        order = np.lexsort((pairs.col, pairs.row))
        return Edges(
            first=pairs.row[order].astype(np.int64),
            second=pairs.col[order].astype(np.int64),
            weights=pairs.data[order],
        )
