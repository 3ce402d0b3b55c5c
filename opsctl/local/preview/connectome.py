"""From streamlines to a connectome."""

from __future__ import annotations

import numpy as np
from dipy.tracking.utils import connectivity_matrix
from numpy.typing import NDArray

from opsctl.core.errors import ErrorCode, Problem

from .parcels import COUNT, Labels
from .progress import ProgressLog
from .tracking import Tracts


def count(tracts: Tracts, labels: Labels, *, log: ProgressLog) -> NDArray[np.int64]:
    """Return how many streamlines join each pair of parcels: an 8 by 8 matrix, symmetric, with a diagonal of zeros.

    As in m2g, a streamline joins every pair of parcels on its way, not only those at its ends.

    Raises
    ------
    Problem
        No streamline joins two parcels.
    """
    matrix, members = connectivity_matrix(tracts.streamlines, tracts.grid, labels, inclusive=True, return_mapping=True)
    # Label 0 is outside every parcel.
    connectome = np.asarray(matrix[1 : COUNT + 1, 1 : COUNT + 1], dtype=np.int64)
    joining = {line for pair, lines in members.items() if 0 not in pair for line in lines}
    log.write(
        f"{len(joining)} of {len(tracts.streamlines)} streamlines join two or more of {COUNT} parcels: "
        f"{np.count_nonzero(np.triu(connectome))} edges, weights of {int(np.triu(connectome).sum())} in all."
    )
    if not joining:
        raise Problem("No streamline joins two parcels: the connectome would be empty.", code=ErrorCode.INPUT_INVALID)
    return connectome
