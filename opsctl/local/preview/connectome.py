"""From streamlines to a connectome."""

from __future__ import annotations

import numpy as np
from dipy.tracking.utils import connectivity_matrix
from numpy.typing import NDArray

from opsctl.core.errors import Problem

from .journal import Journal
from .parcels import COUNT, Labels
from .tracking import Tracts


def count(tracts: Tracts, labels: Labels, *, journal: Journal) -> NDArray[np.int64]:
    """How many streamlines join each two parcels: 8 by 8, symmetric, nothing on the diagonal.

    As in m2g, a streamline joins every two parcels that it runs through, not only those at its ends.

    Raises
    ------
    Problem
        No streamline joins two parcels.
    """
    matrix, members = connectivity_matrix(tracts.streamlines, tracts.grid, labels, inclusive=True, return_mapping=True)
    # Label 0 is what lies outside every parcel.
    connectome = np.asarray(matrix[1 : COUNT + 1, 1 : COUNT + 1], dtype=np.int64)
    joining = {line for pair, lines in members.items() if 0 not in pair for line in lines}
    journal.say(
        f"{len(joining)} of {len(tracts.streamlines)} streamlines join two or more of {COUNT} parcels: "
        f"{np.count_nonzero(np.triu(connectome))} edges, weights of {int(np.triu(connectome).sum())} in all."
    )
    if not joining:
        raise Problem("No streamline joins two parcels: the connectome would be empty.")
    return connectome
