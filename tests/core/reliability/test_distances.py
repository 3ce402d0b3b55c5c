"""Distances in blocks, against the plain way to compute them."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from support.graph_examples import example_stack, example_weights

from opsctl.core.errors import UsageProblem
from opsctl.core.reliability import distances as distances_module
from opsctl.core.reliability.distances import Transform, distances
from opsctl.core.reliability.graph_stack import GraphStack, lose_rows
from opsctl.core.reliability.ranks import mean_ranks, rank_scans


def plain(stack: GraphStack, transform: Transform) -> NDArray[np.float64]:
    """Frobenius distances of whole matrices, transformed one by one."""
    matrices = [stack.matrix(index) for index in range(len(stack.scans))]
    upper = np.triu_indices(len(stack.labels), k=1)
    for matrix in matrices:
        values = matrix[upper]
        if transform == "log":
            matrix[:] = np.log(1 + matrix)
        if transform == "ranks":
            ranked = np.zeros_like(values)
            chosen = ~np.isnan(values) & ((values != 0) | (stack.kind != "streamlines"))
            for place in np.flatnonzero(chosen):
                below, equal = (values[chosen] < values[place]).sum(), (values[chosen] == values[place]).sum()
                # In the whole matrix each weight is twice.
                ranked[place] = (2 * below + (2 * equal + 1) / 2) / (2 * chosen.sum() + 1)
            ranked[np.isnan(values)] = np.nan
            matrix[upper] = ranked
            matrix.T[upper] = ranked
    result = np.zeros((len(matrices), len(matrices)))
    for row, first in enumerate(matrices):
        for column, second in enumerate(matrices):
            squares = ((first - second) ** 2)[upper]
            common = ~np.isnan(squares)
            result[row, column] = np.sqrt(2 * squares[common].sum() * len(squares) / common.sum())
    return result


@pytest.mark.parametrize("transform", ["ranks", "raw", "log"])
@pytest.mark.parametrize("is_lossy", [False, True])
def test_distances_are_frobenius(transform: Transform, is_lossy: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distances_module, "_SCANS", 4)
    monkeypatch.setattr(distances_module, "_PAIRS", 7)
    weights = example_weights(5, 2, 12)
    if is_lossy:
        lose_rows(weights[3], np.array([0, 5]), 12)
        lose_rows(weights[8], np.array([11]), 12)
    stack = example_stack(weights)
    done: list[int] = []
    computed = distances(stack, transform, on_block=done.append)
    np.testing.assert_allclose(computed, plain(stack, transform), rtol=1e-11)
    assert (computed == computed.T).all()
    assert sum(done) == computed.size


@pytest.mark.parametrize("transform", ["ranks", "raw"])
def test_correlations_of_zero_are_ranked_in_their_place(transform: Transform) -> None:
    weights = np.random.default_rng(1).uniform(-1, 1, (6, 45)).astype(np.float32)
    weights[:, ::7] = 0
    stack = example_stack(weights, kind="correlation")
    np.testing.assert_allclose(distances(stack, transform), plain(stack, transform), rtol=1e-11)


def test_a_copy_has_the_distance_zero_and_its_distances() -> None:
    weights = example_weights(20, 2, 30)
    weights[7] = weights[30]
    computed = distances(example_stack(weights))
    assert computed[7, 30] == 0
    assert (np.delete(computed[7], [7, 30]) == np.delete(computed[30], [7, 30])).all()


def test_almost_equal_scans_keep_their_digits() -> None:
    weights = (1e6 * (1 + example_weights(2, 2, 30))).astype(np.float32)
    weights[1] = weights[0]
    weights[1, 0] += 1
    assert distances(example_stack(weights), "raw")[0, 1] == pytest.approx(np.sqrt(2), rel=1e-11)


def test_scans_without_a_common_pair_are_infinitely_far() -> None:
    weights = example_weights(2, 2, 4)
    lose_rows(weights[0], np.array([0, 1, 2]), 4)
    computed = distances(example_stack(weights))
    assert np.isinf(computed[0, 1:]).all()
    assert np.isfinite(computed[1:, 1:]).all()


def test_blank_matrices_are_equal() -> None:
    assert not distances(example_stack(np.zeros((4, 10), dtype=np.float32))).any()


def test_log_is_refused_for_correlations() -> None:
    with pytest.raises(UsageProblem, match="numbers of streamlines"):
        distances(example_stack(np.zeros((2, 3), dtype=np.float32), kind="correlation"), "log")


def test_ranks_are_those_of_pass_to_ranks() -> None:
    """By hand: 10 weights of 5 edges, of which two are equal, and a zero."""
    stack = example_stack(np.array([[0, 3, 1, 3, 9, 2]], dtype=np.float32))
    ranks = np.empty((1, 6), dtype=np.float32)
    scale = rank_scans(stack, ranks)
    assert (ranks[0] * scale[0]).tolist() == pytest.approx([0, 6.5 / 11, 1.5 / 11, 6.5 / 11, 9.5 / 11, 3.5 / 11])


def test_equal_values_get_their_mean_rank() -> None:
    assert mean_ranks(np.array([2.0, 1.0, 2.0, 2.0])).tolist() == [3, 1, 3, 3]
    assert mean_ranks(np.array([])).tolist() == []
