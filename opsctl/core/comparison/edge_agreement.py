"""How far two settings agree edge by edge, on the same scans and regions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from opsctl.core.reliability.graph_stack import GraphStack, pair_positions
from opsctl.core.reliability.ranks import mean_ranks, rank_scans

#: A correlation over fewer scans says nothing of an edge.
LEAST_SCANS = 5
_LEAST_EDGES = 3
_QUANTILES = (0, 0.25, 0.5, 0.75, 1)

#: The mean square of the deviations of ranks, which lie between 0 and 2: a smaller one is a rounding error.
_LEAST_SQUARES = 1e-10


@dataclass(frozen=True, kw_only=True)
class Spread:
    """Some correlations: their median and quartiles, and the lowest and highest.

    Attributes
    ----------
    count
        How many there are.
    """

    count: int
    lowest: float
    first_quartile: float
    median: float
    third_quartile: float
    highest: float

    @classmethod
    def of(cls, values: NDArray[np.float64]) -> Spread | None:
        """Summarise what is a number; None where nothing is."""
        numbers = values[~np.isnan(values)]
        if not len(numbers):
            return None
        lowest, first_quartile, middle, third_quartile, highest = map(float, np.quantile(numbers, _QUANTILES))
        return cls(
            count=len(numbers),
            lowest=lowest,
            first_quartile=first_quartile,
            median=middle,
            third_quartile=third_quartile,
            highest=highest,
        )

    def as_json(self) -> dict[str, Any]:
        """The fields of `compare --json`."""
        return dict(vars(self))


@dataclass(frozen=True, kw_only=True)
class EdgeAgreement:
    """The agreement of two settings' connectomes.

    Attributes
    ----------
    per_scan
        Of each scan, the rank correlation (Spearman) of its edges with one setting and with the other, over the pairs
        of regions that an edge joins with at least one of them. None where no scan has enough.
    per_edge
        Of each pair of regions, the correlation over the scans of its rank within the scan; only of pairs whose rank
        varies with both. None with fewer than five scans.
    scans
        How many scans it rests on.
    regions
        How many regions both have.
    regions_of_each
        How many each of them has.
    """

    per_scan: Spread | None
    per_edge: Spread | None
    scans: int
    regions: int
    regions_of_each: tuple[int, int]

    def as_json(self) -> dict[str, Any]:
        """The fields of `compare --json`."""
        return {
            "per_scan": self.per_scan.as_json() if self.per_scan else None,
            "per_edge": self.per_edge.as_json() if self.per_edge else None,
            "scans": self.scans,
            "regions": self.regions,
            "regions_a": self.regions_of_each[0],
            "regions_b": self.regions_of_each[1],
        }


def edge_agreement(first: GraphStack, second: GraphStack) -> EdgeAgreement | None:
    """Compare two stacks of the same parcellation, kind and scans, scan by scan; None where they share no two regions.

    Where one of them lacks regions, only the pairs of regions that both have are compared.
    """
    places = _common_pairs(first.labels, second.labels)
    regions = len(set(first.labels) & set(second.labels))
    if not len(places[0]):
        return None
    per_scan = np.full(len(first.scans), np.nan)
    sums = _Sums(len(places[0]))
    for index in range(len(first.scans)):
        rows = [_row(stack, index, own) for stack, own in zip((first, second), places, strict=True)]
        per_scan[index] = _rank_correlation(*(weights for weights, _ in rows), is_sparse=first.kind == "streamlines")
        sums.add(*(ranks for _, ranks in rows))
    return EdgeAgreement(
        per_scan=Spread.of(per_scan),
        per_edge=Spread.of(sums.correlations()),
        scans=len(first.scans),
        regions=regions,
        regions_of_each=(len(first.labels), len(second.labels)),
    )


def _common_pairs(first: tuple[int, ...], second: tuple[int, ...]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The places of the pairs of common regions in both upper triangles, in the same order."""
    labels = sorted(set(first) & set(second))
    rows, columns = np.triu_indices(len(labels), k=1)
    places = []
    for own in (first, second):
        row_of = {label: row for row, label in enumerate(own)}
        where = np.array([row_of[label] for label in labels], dtype=np.intp)
        places.append(pair_positions(where[rows], where[columns], len(own)))
    return places[0], places[1]


def _row(stack: GraphStack, index: int, places: NDArray[np.intp]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A scan's weights of some pairs, and their ranks within the whole scan."""
    single = replace(stack, scans=stack.scans[index : index + 1], weights=stack.edges(index, index + 1))
    ranks = np.empty(single.weights.shape, dtype=np.float32)
    scale = rank_scans(single, ranks)
    return single.weights[0][places].astype(np.float64), ranks[0][places] * scale[0]


def _rank_correlation(first: NDArray[np.float64], second: NDArray[np.float64], *, is_sparse: bool) -> float:
    """Spearman's correlation of two scans' weights; of sparse ones, over the pairs with an edge in either."""
    is_compared = ~(np.isnan(first) | np.isnan(second))
    if is_sparse:
        is_compared &= (first != 0) | (second != 0)
    if is_compared.sum() < _LEAST_EDGES:
        return float("nan")
    ranks = [mean_ranks(weights[is_compared]) for weights in (first, second)]
    deviations = [values - values.mean() for values in ranks]
    norm = float(np.sqrt((deviations[0] ** 2).sum() * (deviations[1] ** 2).sum()))
    return float(deviations[0] @ deviations[1]) / norm if norm else float("nan")


class _Sums:
    """What the correlation of each pair of regions over the scans needs; one scan at a time."""

    def __init__(self, pairs: int) -> None:
        self._counts = np.zeros(pairs)
        self._sums = np.zeros((5, pairs))

    def add(self, first: NDArray[np.float64], second: NDArray[np.float64]) -> None:
        """Add a scan."""
        is_known = ~(np.isnan(first) | np.isnan(second))
        x, y = np.where(is_known, first, 0.0), np.where(is_known, second, 0.0)
        self._counts += is_known
        for row, values in zip(self._sums, (x, y, x * x, y * y, x * y), strict=True):
            row += values

    def correlations(self) -> NDArray[np.float64]:
        """Of each pair; NaN where it does not vary or has too few scans."""
        counts = np.where(self._counts >= LEAST_SCANS, self._counts, np.nan)
        x, y, xx, yy, xy = self._sums
        of_x, of_y = xx - x * x / counts, yy - y * y / counts
        varies = (of_x > _LEAST_SQUARES * counts) & (of_y > _LEAST_SQUARES * counts)
        with np.errstate(invalid="ignore", divide="ignore"):
            values = (xy - x * y / counts) / np.sqrt(of_x * of_y)
        result: NDArray[np.float64] = np.where(varies, np.clip(values, -1, 1), np.nan)
        return result
