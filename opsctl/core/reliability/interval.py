"""A confidence interval of discriminability by a jackknife over the subjects.

Efron and Tibshirani (1993), An Introduction to the Bootstrap, chapter 11: the standard error from leaving out a subject
at a time. A bootstrap over subjects draws a subject twice, whose scans are then compared with copies of themselves.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from opsctl.core.reliability.discriminability import Repeated, discriminability
from opsctl.core.reliability.student import student_quantile

#: With one subject fewer there are still two to compare.
LEAST_SUBJECTS = 3
#: What is only rounding.
_NO_SPREAD = 1e-12


@dataclass(frozen=True)
class Interval:
    """A confidence interval.

    Attributes
    ----------
    level
        Such as 0.95.
    """

    low: float
    high: float
    level: float


def jackknife_interval(distances: NDArray[np.float64], subjects: Sequence[str], level: float = 0.95) -> Interval | None:
    """The interval of D over the population that the subjects were drawn from.

    Student's quantile times the jackknife's standard error, on the scale of the log odds, log(D / (1 - D)): D ends at
    1, and an interval that is as wide on either side of it holds too seldom where D is high. None with fewer than three
    subjects, and where leaving out a subject changes nothing, as with D = 1: then the jackknife says nothing.
    """
    without = discriminability_without(distances, subjects)
    count = len(without)
    if count < LEAST_SUBJECTS:
        return None
    value = discriminability(distances, subjects).value
    error = math.sqrt((count - 1) / count * float(((without - without.mean()) ** 2).sum()))
    if error < _NO_SPREAD or not 0 < value < 1:
        return None
    margin = student_quantile((1 + level) / 2, count - 1) * error / (value * (1 - value))
    centre = math.log(value / (1 - value))
    return Interval(_share(centre - margin), _share(centre + margin), level)


def _share(log_odds: float) -> float:
    """The inverse of the log odds; the smaller exponent of the two cannot overflow."""
    if log_odds >= 0:
        return 1 / (1 + math.exp(-log_odds))
    return math.exp(log_odds) / (1 + math.exp(log_odds))


def discriminability_without(distances: NDArray[np.float64], subjects: Sequence[str]) -> NDArray[np.float64]:
    """D without each of the subjects that have at least two scans, in the order of their names.

    All are computed in one pass: what a subject's scans contribute to the comparisons of others is taken from them.
    """
    repeated = Repeated.of(subjects)
    count, scans = repeated.subjects, len(repeated.scans)
    if count < LEAST_SUBJECTS:
        return np.empty(0)
    # By the number of scans of the pair's own subject, because the number of scans to compare with depends on it.
    sizes, size_of = np.unique(repeated.sizes, return_inverse=True)
    by_size, by_other = np.zeros(len(sizes)), np.zeros((len(sizes), count))
    by_subject = np.zeros(count)
    for scan in range(scans):
        farther, _ = repeated.farther(distances, scan)
        subject = repeated.codes[scan]
        counts = np.bincount(repeated.codes, weights=farther.sum(axis=0), minlength=count)
        by_other[size_of[subject]] += counts
        by_size[size_of[subject]] += counts.sum()
        by_subject[subject] += counts.sum()
    values = np.empty(count)
    pairs = repeated.sizes * (repeated.sizes - 1)
    for subject in range(count):
        remaining = by_size - by_other[:, subject]
        remaining[size_of[subject]] -= by_subject[subject]
        shares = remaining / np.maximum(1, scans - repeated.sizes[subject] - sizes)
        values[subject] = shares.sum() / (pairs.sum() - pairs[subject])
    return values
