"""Each measure against a plain computation of its own, and the spread that an outlier does not change."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import spearmanr
from support.real_format_graphs import ATLASES

from opsctl.core.reliability.graph_stack import GraphStack, StackedScan
from opsctl.core.reliability.scan_measures import distances_to_mean, measure_scans
from opsctl.core.reliability.suspects_deviation import deviations
from opsctl.core.reliability.suspects_hemispheres import hemispheres

NAMES = ["L_a", "L_b", "L_c", "L_d", "L_e", "L_f", "R_a", "R_b", "R_c", "R_d", "R_e", "R_f", "Brain-Stem"]


def stack_of(matrices: NDArray[np.float64]) -> GraphStack:
    upper = np.triu_indices(matrices.shape[1], k=1)
    scans = tuple(StackedScan.of(f"sub-{number:02d}/ses-1") for number in range(len(matrices)))
    return GraphStack(
        atlas="Example",
        kind="streamlines",
        model="csa",
        scans=scans,
        labels=tuple(range(len(NAMES))),
        regions=tuple(NAMES),
        centres=None,
        weights=np.array([matrix[upper] for matrix in matrices], dtype=np.float32),
    )


@pytest.fixture
def matrices() -> NDArray[np.float64]:
    draw = np.random.default_rng(3)
    upper = np.triu(draw.integers(0, 9, (5, len(NAMES), len(NAMES))), k=1).astype(float)
    return np.asarray(upper + upper.transpose(0, 2, 1))


def test_measures_are_what_they_say(matrices: NDArray[np.float64]) -> None:
    matrices[1, 3], matrices[1, :, 3] = np.nan, np.nan
    measures = measure_scans(stack_of(matrices), np.ones((5, 5)) - np.eye(5), np.full(5, np.nan))
    for scan, matrix in enumerate(matrices):
        upper = matrix[np.triu_indices(len(NAMES), k=1)]
        known = upper[~np.isnan(upper)]
        assert measures.of("density").values[scan] == pytest.approx((known > 0).mean())
        assert measures.of("strength").values[scan] == pytest.approx(known.sum())
        assert measures.of("regions").values[scan] == pytest.approx(12 / 13 if scan == 1 else 1)
        left, right = matrix[:6, :6], matrix[6:12, 6:12]
        rows = [(left[a, b], right[a, b]) for a in range(6) for b in range(a) if not np.isnan(left[a, b])]
        assert measures.of("symmetry").values[scan] == pytest.approx(spearmanr(*zip(*rows, strict=True)).statistic)
        within = np.nansum(np.triu(left)) + np.nansum(np.triu(right))
        between = np.nansum(matrix[:6, 6:12])
        assert measures.of("within_hemispheres").values[scan] == pytest.approx(within / (within + between))


def test_the_distance_to_the_mean_is_that_of_the_points() -> None:
    points = np.random.default_rng(4).normal(size=(7, 20))
    between = np.sqrt(((points[:, None] - points[None]) ** 2).sum(axis=2))
    expected = [
        np.linalg.norm(points[scan] - np.delete(points, scan, axis=0).mean(axis=0)) for scan in range(len(points))
    ]
    assert distances_to_mean(between) == pytest.approx(expected)
    apart = between.copy()
    apart[0, 1:] = apart[1:, 0] = np.inf
    assert np.isnan(distances_to_mean(apart)[0])
    assert np.isfinite(distances_to_mean(apart)[1:]).all()


@pytest.mark.parametrize(
    ("values", "scores"),
    [
        # Median 3, median absolute deviation 1.
        ([1.0, 2.0, 3.0, 4.0, 100.0], [-2 / 1.4826, -1 / 1.4826, 0, 1 / 1.4826, 97 / 1.4826]),
        # More than half are equal: the mean absolute deviation, 2.
        ([5.0, 5.0, 5.0, 5.0, 15.0], [0, 0, 0, 0, 10 / (1.2533 * 2)]),
        # All are equal, or nearly: the least spread.
        ([5.0, 5.0, 5.0, 5.0, 5.001], [0, 0, 0, 0, 0.1]),
        # Too few to tell.
        ([1.0, 2.0, 9.0], [np.nan] * 3),
        ([1.0, np.nan, 2.0, 9.0], [np.nan] * 4),
    ],
)
def test_deviations(values: list[float], scores: list[float]) -> None:
    answer = deviations(np.array(values), least_spread=0.01)
    assert answer.scores.tolist() == pytest.approx(scores, nan_ok=True, abs=1e-9)


@pytest.mark.parametrize(
    ("atlas", "pairs"),
    [("AAL", 56), ("Desikan", 35), ("MICCAI", 60), ("Schaefer200", 81), ("Glasser", 0), ("Yeo-7", 0)],
)
def test_pairs_of_neuroparcs_atlases(atlas: str, pairs: int) -> None:
    nodes = ATLASES.nodes[atlas]
    centres = np.array([(node.x_mm, node.y_mm, node.z_mm) for node in nodes])
    sides = hemispheres([node.region or "n/a" for node in nodes], centres)
    assert len(sides.pairs) == pairs
    assert bool(sides.missing) == (pairs == 0)
    for left, right in sides.pairs:
        assert (sides.sides[left], sides.sides[right]) == ("L", "R")
    if atlas == "AAL":
        names = [(nodes[left].region[2:], nodes[right].region[2:]) for left, right in sides.pairs]
        # neuroparc misspells one side of one pair; the centres tell it.
        assert [pair for pair in names if pair[0] != pair[1]] == [("Supramarginal_gyrus", "Suparmarginal_gyrus")]


def test_without_names_and_centres_there_are_no_sides() -> None:
    assert hemispheres(["n/a"] * 20, None).missing == "neither names nor centres of the atlas's regions are known."
