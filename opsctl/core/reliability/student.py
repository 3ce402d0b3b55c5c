"""Student's distribution, of which the standard library has none."""

from __future__ import annotations

import math
from statistics import NormalDist

#: With so many degrees of freedom the normal distribution is the same to four digits of the quantile.
_MANY = 5000


def student_probability(value: float, freedom: int) -> float:
    """The probability of a value up to this one.

    Parameters
    ----------
    freedom
        The degrees of freedom, a whole number from 1. Abramowitz and Stegun (1964), 26.7.3 and 26.7.4.
    """
    angle = math.atan(value / math.sqrt(freedom))
    square = math.cos(angle) ** 2
    term = total = 1.0 if freedom % 2 == 0 else math.cos(angle)
    first = 2 if freedom % 2 == 0 else 3
    for number in range(first, freedom - 1, 2):
        term *= square * (number - 1) / number
        total += term
    if freedom % 2 == 0:
        return (1 + math.sin(angle) * total) / 2
    inner = angle + math.sin(angle) * total if freedom > 1 else angle
    return 0.5 + inner / math.pi


def student_quantile(probability: float, freedom: int) -> float:
    """The value that is not exceeded with a probability between 0.5 and 1."""
    if freedom >= _MANY:
        return NormalDist().inv_cdf(probability)
    low, high = 0.0, 1.0
    while student_probability(high, freedom) < probability:
        high *= 2
    for _ in range(100):
        middle = (low + high) / 2
        if student_probability(middle, freedom) < probability:
            low = middle
        else:
            high = middle
    return (low + high) / 2
