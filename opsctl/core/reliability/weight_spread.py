"""How a scan's edge weights spread: counts in bins that all scans share."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_MOST_BINS = 40
_CORRELATION_BINS = 40


@dataclass(frozen=True, kw_only=True, eq=False)
class WeightSpread:
    """The spread of the weights of several scans.

    Attributes
    ----------
    limits
        The ends of the bins: each begins where the last one ends. On a logarithmic scale each is twice as wide as
        the last one, so that whole numbers fill every bin from 1 on.
    shares
        Scans x bins: the share of a scan's edges in each bin; NaN of a scan without an edge.
    empty
        Of each scan the share of its pairs of regions without an edge; NaN of a scan without a pair.
    """

    limits: NDArray[np.float64]
    shares: NDArray[np.float64]
    empty: NDArray[np.float64]
    is_log: bool


def weight_spread(blocks: Iterable[NDArray[np.float32]], *, is_log: bool) -> WeightSpread:
    """Count the weights of each scan.

    Parameters
    ----------
    blocks
        Scans x pairs of regions, some scans at a time; NaN of lost regions. 0 is no edge.
    is_log
        Weights are counts of streamlines; otherwise correlations, from -1 to 1.
    """
    counts: list[NDArray[np.float64]] = []
    empty: list[float] = []
    first, powers = 0, (-_MOST_BINS, _MOST_BINS)
    for block in blocks:
        for weights in block:
            known = weights[np.isfinite(weights)]
            edges = known[known != 0]
            empty.append(1 - len(edges) / len(known) if len(known) else math.nan)
            if is_log:
                # The bin of a weight is its power of 2; `frexp` is exact where a logarithm is not.
                exponents = np.frexp(edges[edges > 0])[1] - 1
                counted = np.bincount(np.clip(exponents, *powers) - powers[0], minlength=2 * _MOST_BINS + 1)
            else:
                counted, _ = np.histogram(edges, bins=_CORRELATION_BINS, range=(-1.0, 1.0))
            counts.append(counted.astype(np.float64))
    table = np.array(counts) if counts else np.zeros((0, 1))
    limits: NDArray[np.float64]
    if is_log:
        used = np.flatnonzero(table.any(axis=0))
        first, last = (int(used[0]), int(used[-1])) if len(used) else (_MOST_BINS, _MOST_BINS)
        table = table[:, first : last + 1]
        limits = 2.0 ** np.arange(first + powers[0], last + powers[0] + 2, dtype=np.float64)
    else:
        limits = np.linspace(-1.0, 1.0, _CORRELATION_BINS + 1)
    totals = table.sum(axis=1, keepdims=True)
    shares: NDArray[np.float64] = np.divide(table, totals, out=np.full(table.shape, np.nan), where=totals > 0)
    return WeightSpread(limits=limits, shares=shares, empty=np.array(empty), is_log=is_log)
