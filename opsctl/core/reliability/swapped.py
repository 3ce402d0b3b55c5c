"""Two scans whose labels look swapped: exchanging their subjects makes every scan involved more like its own subject's.

An exchange of two labels changes only the own D of the scans of both subjects: for every other scan the scans of its
own subject, and the scans of others, are the same as before. So an exchange costs a few rows of distances.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

#: So many scans with the lowest own D are tried against each other.
_MOST_CANDIDATES = 24
#: A pair is named where all of this holds. tests/core/reliability/swapped_labels.py shows how often it is one.
#: After the exchange both scans are at least as near to their subjects as the lowest twentieth of all scans.
_LEAST_QUANTILE = 0.05
#: The own D of the scans of both subjects rise by this together: of two scans from about 0.5, which is chance, to 1.
_LEAST_GAIN = 0.8
#: No exchange of other subjects' scans gains more than half as much. Chance finds several that are alike.
_LEAST_LEAD = 2.0
#: With the labels exchanged D is at least this: below, chance makes such pairs as often as swaps do.
LEAST_D = 0.85
#: Gains that differ by less are the same: the sums are of many numbers.
_SAME = 1e-9
#: How often two labels are exchanged on purpose, to see how often the pair is named.
REHEARSALS = 20
_SEED = 20
_LEAST_SUBJECTS = 2
#: Of 10,000 scans they take 40 MB.
_KEPT_ROWS = 512


@dataclass(frozen=True, kw_only=True)
class SwappedPair:
    """Two scans whose labels look swapped.

    Attributes
    ----------
    first, second
        Positions of the scans.
    alternatives
        Further pairs whose exchange gives the same groups of scans: with two scans a subject, the exchange of the
        others is the same. Which of them were exchanged, the distances do not tell.
    d, d_after
        The dataset's discriminability as labelled, and with the labels exchanged.
    own_before, own_after
        The own D of both scans.
    """

    first: int
    second: int
    alternatives: tuple[tuple[int, int], ...]
    d: float
    d_after: float
    own_before: tuple[float, float]
    own_after: tuple[float, float]

    @property
    def scans(self) -> tuple[int, ...]:
        """Every scan that it may be about, in order."""
        return tuple(sorted({scan for pair in self._pairs for scan in pair}))

    def may_be(self, first: int, second: int) -> bool:
        """Whether these two are the pair, or one of the alternatives."""
        return tuple(sorted((first, second))) in self._pairs

    @property
    def _pairs(self) -> tuple[tuple[int, int], ...]:
        return ((self.first, self.second), *self.alternatives)


@dataclass(frozen=True)
class Rehearsal:
    """How often a pair was named after its labels had been exchanged on purpose, in these very data.

    Attributes
    ----------
    swaps
        How many exchanges were tried, each alone.
    named
        After how many of them the exchanged pair was named.
    """

    swaps: int
    named: int


class _Rows:
    """Sorted rows of the distances; the last ones are kept."""

    def __init__(self, distances: NDArray[np.float64]) -> None:
        self.distances = distances
        self._sorted = lru_cache(maxsize=_KEPT_ROWS)(self._sort)

    def _sort(self, row: int) -> NDArray[np.float64]:

        return np.sort(self.distances[row])

    def own(self, row: int, subject_rows: Sequence[int]) -> float:
        """How often a scan is nearer to a scan of its subject's than to one of another's; a tie counts half."""
        others = len(self.distances) - len(subject_rows)
        if len(subject_rows) < 2 or not others:
            return float("nan")
        own = self.distances[row, [other for other in subject_rows if other != row]]
        subject = self.distances[row, list(subject_rows)]
        everyone = self._sorted(row)
        nearer = everyone.searchsorted(own, "left") + everyone.searchsorted(own, "right")
        of_subject = (subject < own[:, None]).sum(axis=1) + (subject <= own[:, None]).sum(axis=1)
        return float(1 - np.mean(nearer - of_subject) / (2 * others))


class Labelled:
    """The scans of subjects with at least two, their subjects, and each one's own D.

    Scans of other subjects count nowhere, as in `discriminability`.

    Attributes
    ----------
    subjects, own
        The subject and the own D of each scan.
    places
        Where each scan stands among the scans that were given.
    """

    def __init__(
        self, sorted_rows: _Rows, *, places: Sequence[int], subjects: Sequence[str], own: Sequence[float]
    ) -> None:
        self._sorted_rows = sorted_rows
        self._rows = _rows_of(subjects)
        self.places, self.subjects, self.own = places, subjects, own

    @classmethod
    def of(cls, distances: NDArray[np.float64], subjects: Sequence[str]) -> Labelled:
        """Compute the own D.

        Parameters
        ----------
        distances
            Between the scans.
        subjects
            Of each scan.
        """
        counts = Counter(subjects)
        places = [place for place, subject in enumerate(subjects) if counts[subject] > 1]
        is_whole = len(places) == len(subjects)
        sorted_rows = _Rows(distances if is_whole else distances[places][:, places])
        repeated = [subjects[place] for place in places]
        rows = _rows_of(repeated)
        own = [sorted_rows.own(row, rows[subject]) for row, subject in enumerate(repeated)]
        return cls(sorted_rows, places=places, subjects=repeated, own=own)

    @property
    def d(self) -> float:
        """The discriminability: the mean of each scan's own D, weighted by the repeated scans that it rests on."""
        weights = [len(self._rows[subject]) - 1 for subject in self.subjects]
        total = sum(weight * own for weight, own in zip(weights, self.own, strict=True) if weight)
        return total / sum(weights) if sum(weights) else float("nan")

    def pair(self) -> SwappedPair | None:
        """The pair whose exchange raises D most; None where no exchange is clearly better than all others."""
        exchanges = self._exchanges()
        if not exchanges:
            return None
        most = max(exchange.gain for exchange in exchanges)
        best = [exchange for exchange in exchanges if exchange.gain >= most - _SAME]
        subjects = {self.subjects[scan] for exchange in best for scan in exchange.scans}
        others = (each.gain for each in exchanges if subjects.isdisjoint(self.subjects[scan] for scan in each.scans))
        first, second = best[0].scans
        # Of subjects with ten scans each pair of scans counts, so the gain is nine times that of two.
        partners = max(len(self._rows[subject]) - 1 for subject in subjects)
        d_after = self.d + most / sum(len(self._rows[subject]) - 1 for subject in self.subjects)
        if most / partners < _LEAST_GAIN or most < _LEAST_LEAD * max(others, default=0.0) or d_after < LEAST_D:
            return None
        return SwappedPair(
            first=self.places[first],
            second=self.places[second],
            alternatives=tuple((self.places[a], self.places[b]) for a, b in (each.scans for each in best[1:])),
            d=self.d,
            d_after=d_after,
            own_before=(self.own[first], self.own[second]),
            own_after=best[0].own,
        )

    def exchanged(self, first: int, second: int) -> Labelled:
        """The same scans with two labels exchanged."""
        subjects, own = list(self.subjects), list(self.own)
        subjects[first], subjects[second] = self.subjects[second], self.subjects[first]
        rows = _rows_of(subjects)
        for subject in (self.subjects[first], self.subjects[second]):
            for row in rows[subject]:
                own[row] = self._sorted_rows.own(row, rows[subject])
        return Labelled(self._sorted_rows, places=self.places, subjects=subjects, own=own)

    def _exchanges(self) -> list[_Exchange]:
        """The exchanges that raise D and leave both scans about as near to their subjects as other scans are."""
        known = sorted(self.own)
        if len(self._rows) < _LEAST_SUBJECTS:
            return []
        sound = known[int(_LEAST_QUANTILE * len(known))]
        rows = sorted(range(len(self.own)), key=self.own.__getitem__)[:_MOST_CANDIDATES]
        exchanges = (
            self._exchange(first, second, sound=sound)
            for first, second in combinations(sorted(rows), 2)
            if self.subjects[first] != self.subjects[second]
        )
        return [exchange for exchange in exchanges if exchange is not None and exchange.gain > _SAME]

    def _exchange(self, first: int, second: int, *, sound: float) -> _Exchange | None:
        """The exchange of two labels; None if it leaves one of the scans further from its subject than `sound`."""
        groups = []
        for gone, come in ((second, first), (first, second)):
            rows = [come if row == gone else row for row in self._rows[self.subjects[gone]]]
            own = self._sorted_rows.own(come, rows)
            if own < sound:
                return None
            groups.append((come, own, rows))
        gain = 0.0
        for (come, own, rows), gone in zip(groups, (second, first), strict=True):
            before = sum(self.own[row] for row in self._rows[self.subjects[gone]])
            after = own + sum(self._sorted_rows.own(row, rows) for row in rows if row != come)
            gain += (len(rows) - 1) * (after - before)
        return _Exchange(scans=(first, second), gain=gain, own=(groups[0][1], groups[1][1]))


def _rows_of(subjects: Sequence[str]) -> dict[str, list[int]]:
    rows: dict[str, list[int]] = defaultdict(list)
    for row, subject in enumerate(subjects):
        rows[subject].append(row)
    return rows


@dataclass(frozen=True)
class _Exchange:
    scans: tuple[int, int]
    gain: float
    own: tuple[float, float]


def rehearse(labelled: Labelled) -> Rehearsal:
    """Exchange the labels of two scans on purpose, again and again, and count how often the pair is named.

    Parameters
    ----------
    labelled
        A pair whose labels look exchanged is put right first: two exchanges hide each other.

    Returns
    -------
    Rehearsal
        The same for the same distances: the pairs are drawn with a fixed seed.
    """
    pair = labelled.pair()
    if pair is not None:
        labelled = labelled.exchanged(labelled.places.index(pair.first), labelled.places.index(pair.second))
    subjects, places = labelled.subjects, labelled.places
    if len(set(subjects)) < _LEAST_SUBJECTS:
        return Rehearsal(0, 0)
    draw = np.random.default_rng(_SEED)
    named = 0
    for _ in range(REHEARSALS):
        first = int(draw.integers(len(subjects)))
        others = [row for row, subject in enumerate(subjects) if subject != subjects[first]]
        second = others[int(draw.integers(len(others)))]
        pair = labelled.exchanged(first, second).pair()
        named += pair is not None and pair.may_be(places[first], places[second])
    return Rehearsal(REHEARSALS, named)
