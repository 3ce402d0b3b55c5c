"""The rows of a matrix of distances in order: how often a scan is nearer to its subject's scans than to others."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

#: Of 10,000 scans they take 40 MB.
_KEPT_ROWS = 512
#: So many distances are compared at once: 2 MB of answers.
_COMPARED = 2_000_000


class SortedRows:
    """The distances between some scans, and their rows sorted; the last ones are kept."""

    def __init__(self, distances: NDArray[np.float64]) -> None:
        self._distances = distances
        self._sorted = lru_cache(maxsize=_KEPT_ROWS)(self._sort)

    def _sort(self, row: int) -> NDArray[np.float64]:
        return np.sort(self._distances[row])

    def own(self, row: int, subject_rows: Sequence[int]) -> float:
        """How often a scan is nearer to a scan of its subject's than to one of another's; a tie counts half.

        Parameters
        ----------
        subject_rows
            The scans of its subject, with itself. NaN where it has no other, or no other subject has a scan.
        """
        others = len(self._distances) - len(subject_rows)
        if len(subject_rows) < 2 or not others:
            return float("nan")
        own = self._distances[row, [other for other in subject_rows if other != row]]
        subject = self._distances[row, list(subject_rows)]
        everyone = self._sorted(row)
        nearer = everyone.searchsorted(own, "left") + everyone.searchsorted(own, "right")
        of_subject = (subject < own[:, None]).sum(axis=1) + (subject <= own[:, None]).sum(axis=1)
        return float(1 - np.mean(nearer - of_subject) / (2 * others))

    def part(self, rows: Sequence[int]) -> PartOfRows:
        """What is to be known of some scans and the distances between them."""
        columns = list(rows)
        apart = np.empty((len(columns), len(columns)))
        nearer = np.empty((len(columns), len(columns)), dtype=np.intp)
        for place, row in enumerate(columns):
            everyone = self._sorted(row)
            apart[place] = own = self._distances[row, columns]
            nearer[place] = everyone.searchsorted(own, "left") + everyone.searchsorted(own, "right")
        return PartOfRows(apart, nearer, scans=len(self._distances))


class PartOfRows:
    """Some of the scans.

    Parameters
    ----------
    apart
        The distances between them.
    nearer
        For each two of them, how many of all scans are nearer to the first than the second is, twice; one equally far
        counts once.
    scans
        The number of all scans.
    """

    def __init__(self, apart: NDArray[np.float64], nearer: NDArray[np.intp], *, scans: int) -> None:
        self._apart, self._nearer, self._scans = apart, nearer, scans

    def own(self, scans: NDArray[np.intp], groups: NDArray[np.intp]) -> NDArray[np.float64]:
        """How often each scan is nearer to one of its group than to a scan outside it.

        Parameters
        ----------
        scans
            Places in this part; one scan may be several times among them, with other groups.
        groups
            For each scan its group with itself, a row: at least two scans, and not all.
        """
        size = groups.shape[1]
        result = np.empty(len(scans))
        step = max(1, _COMPARED // size**2)
        for start in range(0, len(scans), step):
            scan, group = scans[start : start + step, None], groups[start : start + step]
            apart = self._apart[scan, group]
            first, second = apart[:, None, :], apart[:, :, None]
            in_group = np.count_nonzero(first < second, axis=2) + np.count_nonzero(first <= second, axis=2)
            outside = np.where(group != scan, self._nearer[scan, group] - in_group, 0).sum(axis=1)
            result[start : start + step] = 1 - outside / (size - 1) / (2 * (self._scans - size))
        return result
