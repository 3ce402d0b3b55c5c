"""How much more reliable one setting is than another, on the same scans.

The difference of discriminability D, its interval by a jackknife over subjects (Efron and Tibshirani 1993, chapter 11),
and a paired permutation test: within each subject the two settings are swapped or not (Good 2005, Permutation,
Parametric and Bootstrap Tests of Hypotheses, chapter 5). Bridgeford et al. (2021) define D and its comparison.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from opsctl.core.reliability.discriminability import discriminability
from opsctl.core.reliability.interval import discriminability_without
from opsctl.core.reliability.student import student_quantile

#: With one subject fewer there are still two to compare.
LEAST_SUBJECTS = 3
#: Up to so many subjects every combination of swaps is counted; of more, random ones.
_ALL_SWAPS = 14
_RANDOM_SWAPS = 10_000
_PORTION = 250
_SEED = 20
#: Sums of the same terms in another order differ by rounding.
_ROUNDING = 1e-12
#: A test of 5 % finds a true difference in four of five samples of the size that is computed with this.
_POWER = 0.8


@dataclass(frozen=True, kw_only=True, eq=False)
class SubjectShares:
    """D of one setting, and what each subject has to do with it.

    Attributes
    ----------
    value
        D.
    scans
        How many scans it rests on.
    contributions
        By subject; their sum is D.
    without
        D without each subject; empty with fewer than three subjects.
    """

    value: float
    scans: int
    contributions: Mapping[str, float]
    without: Mapping[str, float]


def subject_shares(distances: NDArray[np.float64], subjects: Sequence[str]) -> SubjectShares | None:
    """Compute D and each subject's part of it; None where fewer than two subjects have two scans.

    Parameters
    ----------
    distances
        Scans x scans.
    subjects
        Of each scan.
    """
    whole = discriminability(distances, subjects)
    if math.isnan(whole.value):
        return None
    by_subject: dict[str, list[float]] = defaultdict(list)
    for subject, share in zip(subjects, whole.per_scan, strict=True):
        if not math.isnan(share):
            by_subject[subject].append(float(share))
    names = sorted(by_subject)
    pairs = sum(len(shares) * (len(shares) - 1) for shares in by_subject.values())
    without = discriminability_without(distances, subjects)
    return SubjectShares(
        value=whole.value,
        scans=whole.scans,
        contributions={name: sum(by_subject[name]) * (len(by_subject[name]) - 1) / pairs for name in names},
        without=dict(zip(names, map(float, without), strict=True)) if len(without) else {},
    )


@dataclass(frozen=True, kw_only=True)
class PairedDifference:
    """The difference of two settings' D, the first minus the second.

    Attributes
    ----------
    first, second
        D of each; over several parcellations their mean.
    subjects, scans
        How many subjects with at least two scans it rests on, and how many scans.
    standard_error
        By the jackknife; None with fewer than three subjects.
    low, high, level
        The interval; None with fewer than three subjects.
    probability
        Of the permutation test: how often swapping gives a difference at least as large.
    swaps
        How many combinations of swaps were counted.
    is_every_swap
        Whether these are all combinations; otherwise they are random ones.
    """

    first: float
    second: float
    subjects: int
    scans: int
    standard_error: float | None
    low: float | None
    high: float | None
    level: float
    probability: float
    swaps: int
    is_every_swap: bool

    @property
    def value(self) -> float:
        """The difference."""
        return self.first - self.second

    @property
    def has_no_width(self) -> bool:
        """Whether D without any subject is the same, so that these scans say nothing of the difference's uncertainty.

        D of both is 1 mostly: the scans are too easy, or too few, to tell two settings apart.
        """
        return self.standard_error is not None and self.standard_error < _ROUNDING

    @property
    def smallest_probability(self) -> float:
        """What the test's probability cannot fall below: the difference itself, and all settings swapped."""
        return 2 / self.swaps if self.is_every_swap else 1 / (self.swaps + 1)

    @property
    def may_be_resolved(self) -> bool:
        """Whether the test can call any difference of so few subjects one."""
        return self.smallest_probability < 1 - self.level

    @property
    def is_resolved(self) -> bool:
        """Whether both the interval and the test say that one setting is the more reliable one on such scans."""
        if self.low is None or self.high is None or self.has_no_width:
            return False
        return (self.low > 0 or self.high < 0) and self.probability < 1 - self.level

    @property
    def subjects_for_half_width(self) -> int | None:
        """How many subjects give an interval half as wide: its width shrinks with the square root of their number.

        None where the standard error is not known.
        """
        return None if self.standard_error is None or self.has_no_width else 4 * self.subjects

    @property
    def subjects_to_resolve(self) -> int | None:
        """How many subjects would show a true difference as large as the one seen, in four of five such samples.

        None where the standard error is not known, or the difference is 0.
        """
        if self.standard_error is None or self.has_no_width or abs(self.value) < _ROUNDING:
            return None
        quantiles = student_quantile((1 + self.level) / 2, _LARGE) + student_quantile(_POWER, _LARGE)
        return max(LEAST_SUBJECTS, math.ceil(self.subjects * (quantiles * self.standard_error / self.value) ** 2))

    def as_json(self) -> dict[str, Any]:
        """The fields of `compare --json`."""
        return {
            "d_a": self.first,
            "d_b": self.second,
            "difference": self.value,
            "subjects": self.subjects,
            "scans": self.scans,
            "standard_error": self.standard_error,
            "interval": None if self.low is None or self.has_no_width else [self.low, self.high],
            "level": self.level,
            "p": self.probability,
            "swaps": self.swaps,
            "every_swap": self.is_every_swap,
            "resolved": self.is_resolved,
            "subjects_for_half_width": self.subjects_for_half_width,
            "subjects_to_resolve": self.subjects_to_resolve,
        }


#: So many degrees of freedom that the normal distribution holds: the larger sample has more subjects than this one.
_LARGE = 1_000_000


def paired_difference(
    pairs: Sequence[tuple[SubjectShares, SubjectShares]], *, level: float = 0.95
) -> PairedDifference | None:
    """Compare two settings, each pair in one parcellation; over several parcellations the mean of the differences.

    A subject that a parcellation lacks changes nothing of that parcellation's D, and so counts there with no effect.

    Parameters
    ----------
    pairs
        Of each parcellation, the shares of both settings, on the same scans.

    Returns
    -------
    PairedDifference or None
        None without any pair.
    """
    if not pairs:
        return None
    subjects = sorted({subject for first, _ in pairs for subject in first.contributions})
    difference = float(np.mean([first.value - second.value for first, second in pairs]))
    contributions = np.array(
        [
            np.mean(
                [first.contributions.get(name, 0.0) - second.contributions.get(name, 0.0) for first, second in pairs]
            )
            for name in subjects
        ]
    )
    error, low, high = None, None, None
    if len(subjects) >= LEAST_SUBJECTS:
        without = np.array(
            [
                np.mean(
                    [
                        first.without.get(name, first.value) - second.without.get(name, second.value)
                        for first, second in pairs
                    ]
                )
                for name in subjects
            ]
        )
        count = len(subjects)
        error = math.sqrt((count - 1) / count * float(((without - without.mean()) ** 2).sum()))
        margin = student_quantile((1 + level) / 2, count - 1) * error
        low, high = max(-1.0, difference - margin), min(1.0, difference + margin)
    probability, swaps = _probability(contributions)
    return PairedDifference(
        first=float(np.mean([first.value for first, _ in pairs])),
        second=float(np.mean([second.value for _, second in pairs])),
        subjects=len(subjects),
        scans=max(first.scans for first, _ in pairs),
        standard_error=error,
        low=low,
        high=high,
        level=level,
        probability=probability,
        swaps=swaps,
        is_every_swap=len(subjects) <= _ALL_SWAPS,
    )


def _probability(contributions: NDArray[np.float64]) -> tuple[float, int]:
    """How often the sum is at least as far from 0 when the settings of any subjects are swapped."""
    observed = abs(float(contributions.sum())) - _ROUNDING
    count = len(contributions)
    if count <= _ALL_SWAPS:
        numbers = np.arange(2**count)[:, None]
        signs = 1 - 2 * ((numbers >> np.arange(count)) & 1)
        return float((np.abs(signs @ contributions) >= observed).mean()), 2**count
    generator = np.random.default_rng(_SEED)
    # In portions, so that thousands of subjects take little memory.
    extreme = 0
    for _ in range(_RANDOM_SWAPS // _PORTION):
        signs = 1 - 2 * generator.integers(0, 2, (_PORTION, count))
        extreme += int((np.abs(signs @ contributions) >= observed).sum())
    # The samples themselves count as one (Phipson and Smyth 2010), so that the probability is never 0.
    return (extreme + 1) / (_RANDOM_SWAPS + 1), _RANDOM_SWAPS
