"""The group's mean connectome: of each pair of regions the mean over the scans that have both."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray


def group_mean(blocks: Iterable[NDArray[np.float32]], regions: int) -> NDArray[np.float64]:
    """The mean matrix, symmetric with a zero diagonal; NaN where no scan has the pair.

    A pair without an edge counts as 0 in the scans that have both regions, and not at all in the others.

    Parameters
    ----------
    blocks
        Scans x pairs of regions, some scans at a time: the upper triangle row by row, without the diagonal.
    """
    pairs = regions * (regions - 1) // 2
    totals, counts = np.zeros(pairs), np.zeros(pairs)
    for block in blocks:
        known = np.isfinite(block)
        totals += np.where(known, block, 0.0).sum(axis=0, dtype=np.float64)
        counts += known.sum(axis=0)
    mean = np.zeros((regions, regions))
    rows, columns = np.triu_indices(regions, 1)
    mean[rows, columns] = np.divide(totals, counts, out=np.full(pairs, np.nan), where=counts > 0)
    mean[columns, rows] = mean[rows, columns]
    return mean
