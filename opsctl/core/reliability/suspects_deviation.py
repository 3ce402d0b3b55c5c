"""How far each scan lies from the median of all, in units that an outlier does not change."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

#: A scan that lies further from the median than this stands out (Iglewicz and Hoaglin, 1993).
STANDS_OUT = 3.5
#: They make both spreads equal to the standard deviation of a normal distribution.
_OF_MEDIAN = 1.4826
_OF_MEAN = 1.2533
#: With fewer scans there is no spread to speak of.
LEAST_SCANS = 4


@dataclass(frozen=True, eq=False, kw_only=True)
class Deviations:
    """The deviations of a measure.

    Attributes
    ----------
    median
        NaN with fewer than `LEAST_SCANS` values.
    scores
        (value - median) / spread of each scan; NaN where the value is.
    """

    median: float
    scores: NDArray[np.float64]


def deviations(values: NDArray[np.float64], *, least_spread: float) -> Deviations:
    """Return how many spreads each value lies from the median.

    The spread is 1.4826 times the median absolute deviation from the median. Where that is 0, because more than half of
    the values are equal, it is 1.2533 times the mean absolute deviation. It is never less than `least_spread`, so that
    a difference without meaning does not stand out among values that are almost equal.

    Parameters
    ----------
    values
        One a scan; NaN where it is not known.
    least_spread
        In the unit of the values; greater than 0.
    """
    known = values[np.isfinite(values)]
    if len(known) < LEAST_SCANS:
        return Deviations(median=float("nan"), scores=np.full(len(values), np.nan))
    median = float(np.median(known))
    apart = np.abs(known - median)
    spread = _OF_MEDIAN * float(np.median(apart)) or _OF_MEAN * float(apart.mean())
    return Deviations(median=median, scores=(values - median) / max(spread, least_spread))
