"""The groups of scans that an exchange of two labels makes of two subjects' scans, and the own D of their scans."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from opsctl.core.reliability.sorted_rows import PartOfRows


class ExchangedGroups:
    """Groups of scans, each a subject's with one scan exchanged; those of one size are computed at once.

    Parameters
    ----------
    place_of
        The places of the scans in the part.
    """

    def __init__(self, part: PartOfRows, place_of: Mapping[int, int]) -> None:
        self._part, self._place_of = part, place_of
        self._joined: list[int] = []
        self._groups: list[list[int]] = []

    def add(self, come: int, gone: int, rows: Sequence[int]) -> None:
        """Add the group of a subject's scans in which one has come for another."""
        self._joined.append(self._place_of[come])
        self._groups.append([self._place_of[come if row == gone else row] for row in rows])

    def own_of_joined(self) -> NDArray[np.float64]:
        """The own D of the scan that has come, of each group."""
        own = np.empty(len(self._groups))
        joined = np.array(self._joined, dtype=np.intp)
        for places, groups in self._by_size(range(len(self._groups))):
            own[places] = self._part.own(joined[places], groups)
        return own

    def own_of_groups(self, chosen: NDArray[np.bool_]) -> NDArray[np.float64]:
        """The sum of the own D of a group's scans, of the chosen groups; 0 for the others."""
        totals = np.zeros(len(self._groups))
        for places, groups in self._by_size(np.flatnonzero(chosen).tolist()):
            own = self._part.own(groups.ravel(), np.repeat(groups, groups.shape[1], axis=0))
            totals[places] = own.reshape(groups.shape).sum(axis=1)
        return totals

    def _by_size(self, places: Iterable[int]) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
        of_size: dict[int, list[int]] = defaultdict(list)
        for place in places:
            of_size[len(self._groups[place])].append(place)
        for of_one_size in of_size.values():
            groups = np.array([self._groups[place] for place in of_one_size], dtype=np.intp)
            yield np.array(of_one_size, dtype=np.intp), groups
