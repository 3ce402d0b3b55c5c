"""What is measured of each scan's graph, to tell which scans to look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Literal

from opsctl.core.reliability.suspects_hemispheres import Hemispheres, hemispheres

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from opsctl.core.reliability.graph_stack import GraphStack

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
    values: NDArray
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


def measure_scans(stack: GraphStack, distances: NDArray, own_d: NDArray) -> ScanMeasures:
    """Measure each scan of a stack; each matrix is read once.

    Parameters
    ----------
    distances
        Between the scans (`distances`).
    own_d
        Each scan's own discriminability; NaN for a subject with one scan.
    """
    import numpy as np

    sides = hemispheres(stack.regions, stack.centres)
    halves = _Halves(sides) if not sides.missing else None
    upper = np.triu_indices(len(stack.labels), k=1)
    rows, blank, digests = [], [], []
    for index in range(len(stack.scans)):
        matrix = stack.matrix(index)
        weights = matrix[upper]
        rows.append(_of_matrix(matrix, weights, halves))
        digests.append(sha256(np.ascontiguousarray(np.nan_to_num(matrix, nan=np.inf)).tobytes()).hexdigest())
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
                missing="" if has_own else "no subject has two scans.",
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


def distances_to_mean(distances: NDArray) -> NDArray:
    """Return each scan's distance to the mean of all other scans.

    It follows from the distances alone: of n points, the squared distance to their mean is the mean of the squared
    distances to them, less half the mean of the squared distances among them (Huygens). Two scans without a region in
    common have no distance; they are left out of both means. NaN where a scan has a distance to none.
    """
    import numpy as np

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
    """The places of a matrix that the two measures of hemispheres compare."""

    def __init__(self, atlas_sides: Hemispheres) -> None:
        import numpy as np

        left, right = (np.array(rows, dtype=np.intp) for rows in zip(*atlas_sides.pairs, strict=True))
        first, second = np.triu_indices(len(left), k=1)
        self.left, self.right = (left[first], left[second]), (right[first], right[second])
        side = np.array([{"L": -1, "R": 1}.get(name, 0) for name in atlas_sides.sides])
        product = np.triu(np.outer(side, side), k=1)
        self.within, self.between = np.nonzero(product > 0), np.nonzero(product < 0)


def _of_matrix(matrix: NDArray, weights: NDArray, halves: _Halves | None) -> tuple[float, float, float, float, float]:
    """Density, strength, share of regions, symmetry and share within hemispheres of one graph."""
    import numpy as np

    nan = float("nan")
    lost = np.isnan(matrix).all(axis=1)
    regions = float(1 - lost.mean()) if len(lost) else nan
    # A correlation with a region without signal is NaN too, and no edge.
    pairs = (len(lost) - int(lost.sum())) * (len(lost) - int(lost.sum()) - 1) / 2
    density = float(np.count_nonzero(np.nan_to_num(weights)) / pairs) if pairs else nan
    strength = float(np.nansum(weights))
    if halves is None:
        return density, strength, regions, nan, nan
    within, between = (float(np.nansum(np.abs(matrix[places]))) for places in (halves.within, halves.between))
    share = within / (within + between) if within + between else nan
    return density, strength, regions, _rank_correlation(matrix[halves.left], matrix[halves.right]), share


def _rank_correlation(first: NDArray, second: NDArray) -> float:
    """Spearman's correlation over the places that both have; NaN where one of them does not vary."""
    import numpy as np

    both = np.isfinite(first) & np.isfinite(second)
    if both.sum() < _LEAST_EDGES:
        return float("nan")
    ranks = [_ranks(values[both]) for values in (first, second)]
    if any(np.ptp(values) == 0 for values in ranks):
        return float("nan")
    return float(np.corrcoef(*ranks)[0, 1])


def _ranks(values: NDArray) -> NDArray:
    """The ranks from 1; equal values share the mean of theirs."""
    import numpy as np

    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - (counts - 1) / 2)[place])


def _is_blank(weights: NDArray) -> bool:
    """Whether all edges have the same weight, or there is none."""
    import numpy as np

    known = weights[np.isfinite(weights)]
    return not len(known) or bool((known == known[0]).all())


def _relative(values: NDArray) -> float:
    """The least spread of a measure without natural limits: a share of its median."""
    import numpy as np

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
