"""The ranks of a scan's weights, as graspologic's `pass_to_ranks` makes them: m2g draws its graphs with it.

Numbers of streamlines (its default, `simple-nonzero`): the weights of the matrix other than 0 are ranked from the
lowest, equal ones get the mean of their ranks, and each rank is divided by the number of weights + 1. A weight of 0
stays 0: no edge. graspologic ranks both halves of the matrix: the pair of rank r of m gets (2 r - 1/2) / (2 m + 1).

Correlations: every pair has a weight, and 0 is a value between -1 and 1. All are ranked, by the same formula;
graspologic refuses negative weights.

NaN, of a lost region, stays NaN and counts nowhere.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from opsctl.core.reliability.graph_stack import GraphStack
from opsctl.core.runs.output_kinds import GraphKind

_STREAMLINES: GraphKind = "streamlines"
#: Half of what the rank of a weight that is in the matrix twice lacks to twice its rank.
_OF_BOTH_HALVES = 0.25


def rank_scans(stack: GraphStack, ranks: NDArray[np.float32]) -> NDArray[np.float64]:
    """Rank the weights of every scan.

    Parameters
    ----------
    ranks
        Gets r - 1/4 of each pair, scans x pairs, which this type holds exactly up to four million pairs.

    Returns
    -------
    ndarray
        By what each scan's ranks are to be multiplied.
    """
    is_zero_ranked = stack.kind != _STREAMLINES
    scales = np.ones(len(stack.scans))
    for index in range(len(stack.scans)):
        weights = stack.edges(index, index + 1)[0]
        scan_ranks, count = _ranks(np.asarray(weights), is_zero_ranked=is_zero_ranked)
        ranks[index] = scan_ranks
        scales[index] = 2 / (2 * count + 1)
    return scales


def _ranks(weights: NDArray[np.float32], *, is_zero_ranked: bool) -> tuple[NDArray[np.float32], int]:
    """The ranks of one scan's weights, and how many weights were ranked."""
    is_ranked = ~np.isnan(weights)
    if not is_zero_ranked:
        is_ranked &= weights != 0
    ranks = np.where(np.isnan(weights), np.float32(np.nan), np.float32(0))
    chosen = weights[is_ranked]
    ranks[is_ranked] = mean_ranks(chosen) - _OF_BOTH_HALVES
    return ranks, len(chosen)


def mean_ranks(values: NDArray[np.floating]) -> NDArray[np.float64]:
    """The ranks of some values from 1; equal values get the mean of their ranks."""
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    is_first = np.r_[True, ordered[1:] != ordered[:-1]] if len(ordered) else np.empty(0, dtype=bool)
    starts = np.flatnonzero(is_first)
    ends = np.r_[starts[1:], len(ordered)]
    ranks = np.empty(len(values))
    ranks[order] = np.repeat((starts + 1 + ends) / 2, ends - starts)
    return ranks
