"""A permutation test of discriminability: could the scans as well be of other subjects?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from opsctl.core.reliability.discriminability import Repeated, discriminability
from opsctl.core.reliability.ranks import mean_ranks

#: Pairs of scans that are looked up at once.
_PAIRS = 1_000_000
#: A difference that is only rounding.
_ROUNDING = 1e-12


@dataclass(frozen=True)
class PermutationTest:
    """The outcome of a test.

    Attributes
    ----------
    p_value
        (1 + `at_least`) / (1 + `permutations`).
    at_least
        In how many permutations D was as high as without, or higher.
    """

    p_value: float
    permutations: int
    at_least: int


def permutation_test(
    distances: NDArray[np.float64], subjects: Sequence[str], *, permutations: int, seed: int
) -> PermutationTest | None:
    """Compare D with its values after the labels of the subjects were dealt out anew among the scans.

    None where D is not defined, or no permutation is asked for. The same seed gives the same permutations.

    How many scans are farther than a repeat follows from the rank of its distance among all distances of the scan. With
    `n` scans of a subject the repeats themselves are counted too, always `(n - 1)(n - 2) / 2` times. So a permutation
    only adds up ranks.
    """
    repeated = Repeated.of(subjects)
    value = discriminability(distances, subjects).value
    if np.isnan(value) or not permutations:
        return None
    ranks = _ranks(distances, repeated)
    first, second = _pairs(repeated)
    count = len(repeated.scans)
    others = count - repeated.sizes[repeated.codes[first]]
    own = float((repeated.sizes * (repeated.sizes - 1) * (repeated.sizes - 2) / 2 / (count - repeated.sizes)).sum())
    generator = np.random.default_rng(seed)
    at_least = 0
    for _ in range(permutations):
        places = generator.permutation(count)
        total = 0.0
        for start in range(0, len(first), _PAIRS):
            piece = slice(start, start + _PAIRS)
            farther = count - 1 - ranks[places[first[piece]], places[second[piece]]].astype(np.float64)
            total += float((farther / others[piece]).sum())
        at_least += (total - own) / len(first) >= value - _ROUNDING
    return PermutationTest((1 + at_least) / (1 + permutations), permutations, at_least)


def _ranks(distances: NDArray[np.float64], repeated: Repeated) -> NDArray[np.float32]:
    """The rank of each distance of a scan among its distances, from 1 for the nearest."""
    count = len(repeated.scans)
    ranks = np.empty((count, count), dtype=np.float32)
    for scan, place in enumerate(repeated.scans):
        row = distances[place][repeated.scans]
        # The scan itself has the first rank of all.
        row[scan] = -np.inf
        ranks[scan] = mean_ranks(row) - 1
    return ranks


def _pairs(repeated: Repeated) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Each two scans of a subject, in both orders."""
    first, second = [], []
    for subject in range(repeated.subjects):
        scans = np.flatnonzero(repeated.codes == subject)
        rows, columns = np.nonzero(~np.eye(len(scans), dtype=bool))
        first.append(scans[rows])
        second.append(scans[columns])
    return np.concatenate(first), np.concatenate(second)
