"""Discriminability: how often two scans of one subject are closer to each other than to a scan of another subject.

Bridgeford et al. (2021), Eliminating accidental deviations to minimize generalization error and maximize replicability,
PLOS Computational Biology 17(9): e1009279, https://doi.org/10.1371/journal.pcbi.1009279.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True, eq=False)
class Discriminability:
    """The discriminability D of some scans.

    Attributes
    ----------
    value
        From 0 to 1; 0.5 is what scans give that say nothing of their subjects. NaN where fewer than two subjects have
        two scans.
    per_scan
        The share of comparisons of each scan that come out right; NaN for the only scan of a subject.
    subjects, scans
        How many subjects and scans it rests on: those of subjects with at least two scans. Others count nowhere.
    """

    value: float
    per_scan: NDArray[np.float64]
    subjects: int
    scans: int


def discriminability(distances: NDArray[np.float64], subjects: Sequence[str]) -> Discriminability:
    """Compute D as the mean over all ordered pairs of scans of one subject.

    Of a pair it is the share of the scans of other subjects that are farther from the pair's first scan than its second
    scan is; equal distances count half. Subjects with one scan are left out, as hyppo leaves them out.

    Parameters
    ----------
    distances
        Scans x scans.
    subjects
        Of each scan.
    """
    repeated = Repeated.of(subjects)
    per_scan = np.full(len(subjects), np.nan)
    total, pairs = 0.0, 0
    if repeated.subjects >= _LEAST_SUBJECTS:
        for scan in range(len(repeated.scans)):
            farther, same = repeated.farther(distances, scan)
            shares = farther.sum(axis=1) / (len(repeated.scans) - len(same) - 1)
            per_scan[repeated.scans[scan]] = shares.mean()
            total += float(shares.sum())
            pairs += len(same)
    return Discriminability(
        value=total / pairs if pairs else float("nan"),
        per_scan=per_scan,
        subjects=repeated.subjects,
        scans=len(repeated.scans),
    )


#: D compares subjects.
_LEAST_SUBJECTS = 2


@dataclass(frozen=True, kw_only=True, eq=False)
class Repeated:
    """The scans of the subjects that have at least two.

    Attributes
    ----------
    scans
        Their places in the matrix of distances.
    codes
        The number of each scan's subject, from 0.
    sizes
        The number of scans of each subject.
    """

    scans: NDArray[np.intp]
    codes: NDArray[np.intp]
    sizes: NDArray[np.intp]

    @classmethod
    def of(cls, subjects: Sequence[str]) -> Repeated:
        """Choose them from the subjects of all scans."""
        _, codes, counts = np.unique(np.array(subjects, dtype=object), return_inverse=True, return_counts=True)
        scans = np.flatnonzero(counts[codes] > 1)
        _, own_codes, sizes = np.unique(codes[scans], return_inverse=True, return_counts=True)
        return cls(scans=scans, codes=own_codes, sizes=sizes)

    @property
    def subjects(self) -> int:
        """How many subjects have at least two scans."""
        return len(self.sizes)

    def farther(self, distances: NDArray[np.float64], scan: int) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
        """Which scans of other subjects are farther from a scan than the scans of its own subject are.

        Returns
        -------
        tuple
            For each other scan of the subject, 1 for each scan that is farther, 0.5 for one equally far, 0 for a nearer
            one and for the subject's own; and these other scans.
        """
        is_own = self.codes == self.codes[scan]
        row = distances[self.scans[scan]][self.scans]
        same = np.flatnonzero(is_own)
        same = same[same != scan]
        own = row[same, None]
        counts = (row > own) + 0.5 * (row == own)
        counts[:, is_own] = 0.0
        return counts, same
