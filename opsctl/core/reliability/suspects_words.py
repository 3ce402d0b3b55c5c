"""The reasons to look at a scan, in words."""

from __future__ import annotations


def describe(key: str, value: float, median: float, *, regions: int) -> str:
    """Say how a scan differs in a measure, as the rest of a sentence about the scan.

    Parameters
    ----------
    key
        Of the measure.
    median
        Of all scans.
    regions
        The number of the atlas's regions.
    """
    side = "low" if value < median else "high"
    return {
        "own_d": "scans of other subjects are nearer to it than its own subject's, more often than usual:"
        f" own D {value:.2f}, median {median:.2f}",
        "distance_to_mean": f"it is far from the mean of the other scans: {_number(value)}, median {_number(median)}",
        "density": f"its density is {side}: {value:.1%} of the pairs of regions are joined, median {median:.1%}",
        "strength": f"its total strength is {side}: {_number(value)}, median {_number(median)}",
        "regions": f"regions are lost: {round(value * regions)} of {regions} left, median {round(median * regions)}",
        "symmetry": f"its left and right halves are unlike: correlation {value:.2f}, median {median:.2f}",
        "within_hemispheres": f"its strength within hemispheres is {side}: {value:.1%} of all, median {median:.1%}",
    }[key]


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
