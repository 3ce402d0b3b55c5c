"""What is measured of each scan's graph, to tell which scans to look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from opsctl.core.reliability.graph_stack import GraphStack, lost_rows, pair_count, pair_positions
from opsctl.core.reliability.suspects_hemispheres import Hemispheres, hemispheres

Side = Literal["low", "high", "both"]

#: The least spread of a share or a correlation, and of other measures as a share of their median.
_LEAST_SPREAD = 0.01
#: Fewer pairs of edges give no correlation.
_LEAST_EDGES = 10


@dataclass(frozen=True, eq=False, kw_only=True)
class Measure:
    """One measure of all scans.

    Attributes
    ----------
    key
        Its name in JSON.
    title
        Its name in a sentence.
    values
        One a scan, in the order of the stack; NaN where it is not known.
    stands_out
        Which side of the median is a reason to look at a scan.
    least_spread
        See `deviations`.
    missing
        Why no scan has a value, as a sentence; empty if scans have one.
    """

    key: str
    title: str
    values: NDArray[np.float64]
    stands_out: Side
    least_spread: float
    missing: str = ""


@dataclass(frozen=True, eq=False, kw_only=True)
class ScanMeasures:
    """What is known of each scan of a stack.

    Attributes
    ----------
    measures
        In the order in which they are told.
    blank
        The scans whose graph has no edge, or the same weight everywhere.
    digests
        Of each scan's matrix: equal where the matrices are.
    """

    measures: tuple[Measure, ...]
    blank: tuple[int, ...]
    digests: tuple[str, ...]

    def of(self, key: str) -> Measure:
        """The measure of a name."""
        return next(measure for measure in self.measures if measure.key == key)


def measure_scans(stack: GraphStack, distances: NDArray[np.float64], own_d: NDArray[np.float64]) -> ScanMeasures:
    """Measure each scan of a stack; its weights are read once.

    Parameters
    ----------
    distances
        Between the scans (`distances`).
    own_d
        Each scan's own discriminability; NaN for a subject with one scan.
    """
    sides = hemispheres(stack.regions, stack.centres)
    count = len(stack.labels)
    halves = _Halves(sides, count) if not sides.missing else None
    rows, blank, digests = [], [], []
    for index in range(len(stack.scans)):
        weights = np.ascontiguousarray(stack.edges(index, index + 1)[0])
        rows.append(_of_weights(weights, count, halves))
        digests.append(sha256(np.nan_to_num(weights, nan=np.inf).tobytes()).hexdigest())
        if _is_blank(weights):
            blank.append(index)
    density, strength, regions, symmetry, within = np.array(rows, dtype=np.float64).reshape(-1, 5).T
    to_mean = distances_to_mean(distances)
    has_own = bool(np.isfinite(own_d).any())
    return ScanMeasures(
        measures=(
            Measure(
                key="own_d",
                title="own D",
                values=np.asarray(own_d, dtype=np.float64),
                stands_out="low",
                least_spread=_LEAST_SPREAD,
                missing="" if has_own else "it needs two subjects with two scans.",
            ),
            Measure(
                key="distance_to_mean",
                title="distance to the mean of the other scans",
                values=to_mean,
                stands_out="high",
                least_spread=_relative(to_mean),
            ),
            Measure(key="density", title="density", values=density, stands_out="both", least_spread=_LEAST_SPREAD),
            Measure(
                key="strength",
                title="total strength",
                values=strength,
                stands_out="both",
                least_spread=_relative(strength),
            ),
            Measure(
                key="regions",
                title="share of regions",
                values=regions,
                stands_out="low",
                # The loss of one region does not stand out among scans that lose none.
                least_spread=max(_LEAST_SPREAD, 1 / max(1, len(stack.labels))),
            ),
            Measure(
                key="symmetry",
                title="left-right symmetry",
                values=symmetry,
                stands_out="low",
                least_spread=_LEAST_SPREAD,
                missing=sides.missing,
            ),
            Measure(
                key="within_hemispheres",
                title="share of the strength within hemispheres",
                values=within,
                stands_out="both",
                least_spread=_LEAST_SPREAD,
                missing=sides.missing,
            ),
        ),
        blank=tuple(blank),
        digests=tuple(digests),
    )


def distances_to_mean(distances: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return each scan's distance to the mean of all other scans.

    It follows from the distances alone: of n points, the squared distance to their mean is the mean of the squared
    distances to them, less half the mean of the squared distances among them (Huygens). Two scans without a region in
    common have no distance; they are left out of both means. NaN where a scan has a distance to none.
    """
    squares = np.where(np.isfinite(distances), distances, 0.0) ** 2
    known = np.isfinite(distances)
    np.fill_diagonal(known, val=False)
    rows, counts = squares.sum(axis=1), known.sum(axis=1)
    # Every pair stands twice in the sums; without a scan, its row and its column are missing. A scan has no distance to
    # itself, which counts among the others' as one of 0.
    among = rows.sum() - 2 * rows
    pairs = counts.sum() - 2 * counts + counts
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.sqrt(np.maximum(rows / counts - among / (2 * pairs), 0)))


class _Halves:
    """The places in the upper triangle that the two measures of hemispheres compare."""

    def __init__(self, atlas_sides: Hemispheres, regions: int) -> None:

        first, second = np.triu_indices(len(atlas_sides.pairs), k=1)
        self.left, self.right = (
            pair_positions(rows[first], rows[second], regions)
            for rows in (np.array(rows, dtype=np.intp) for rows in zip(*atlas_sides.pairs, strict=True))
        )
        side = np.array([{"L": -1, "R": 1}.get(name, 0) for name in atlas_sides.sides])
        rows, columns = np.triu_indices(regions, k=1)
        product = side[rows] * side[columns]
        self.within, self.between = np.flatnonzero(product > 0), np.flatnonzero(product < 0)


def _of_weights(
    weights: NDArray[np.float32], count: int, halves: _Halves | None
) -> tuple[float, float, float, float, float]:
    """Density, strength, share of regions, symmetry and share within hemispheres of one graph."""
    nan = float("nan")
    left = count - int(lost_rows(weights, count).sum())
    # A correlation with a region without signal is NaN too, and no edge.
    edges = np.nan_to_num(weights).astype(np.float64)
    density = float(np.count_nonzero(edges) / pair_count(left)) if left > 1 else nan
    regions = left / count if count else nan
    strength = float(edges.sum())
    if halves is None:
        return density, strength, regions, nan, nan
    within, between = (float(np.abs(edges[places]).sum()) for places in (halves.within, halves.between))
    share = within / (within + between) if within + between else nan
    return density, strength, regions, _rank_correlation(weights[halves.left], weights[halves.right]), share


def _rank_correlation(first: NDArray[np.float32], second: NDArray[np.float32]) -> float:
    """Spearman's correlation over the places that both have; NaN where one of them does not vary."""
    both = np.isfinite(first) & np.isfinite(second)
    if both.sum() < _LEAST_EDGES:
        return float("nan")
    ranks = [_ranks(values[both]) for values in (first, second)]
    if any(np.ptp(values) == 0 for values in ranks):
        return float("nan")
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1])


def _ranks(values: NDArray[np.float32]) -> NDArray[np.float64]:
    """The ranks from 1; equal values share the mean of theirs."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - (counts - 1) / 2)[place])


def _is_blank(weights: NDArray[np.float32]) -> bool:
    """Whether all edges have the same weight, or there is none."""
    known = weights[np.isfinite(weights)]
    return not len(known) or bool((known == known[0]).all())


def _relative(values: NDArray[np.float64]) -> float:
    """The least spread of a measure without natural limits: a share of its median."""
    known = values[np.isfinite(values)]
    median = abs(float(np.median(known))) if len(known) else 0.0
    return _LEAST_SPREAD * median or _LEAST_SPREAD


def same_matrices(measures: ScanMeasures, scans: Sequence[int]) -> tuple[tuple[int, ...], ...]:
    """The groups of scans with exactly the same matrix, in their order; a blank one is equal to every other."""
    groups: dict[str, list[int]] = {}
    for index in scans:
        if index not in measures.blank:
            groups.setdefault(measures.digests[index], []).append(index)
    return tuple(tuple(group) for group in groups.values() if len(group) > 1)
