"""The permutation test by sums of ranks, against D of permuted labels."""

from __future__ import annotations

import numpy as np
import pytest

from opsctl.core.reliability.discriminability import Repeated, discriminability
from opsctl.core.reliability.permutation import permutation_test


@pytest.mark.parametrize("seed", range(4))
def test_each_permutation_is_d_of_the_permuted_labels(seed: int) -> None:
    generator = np.random.default_rng(seed)
    subjects = [f"sub-{number}" for number, count in enumerate((1, 2, 3, 2, 4)) for _ in range(count)]
    matrix = generator.integers(1, 6, (len(subjects), len(subjects))).astype(float)
    matrix += matrix.T
    np.fill_diagonal(matrix, 0)
    outcome = permutation_test(matrix, subjects, permutations=50, seed=7)
    assert outcome is not None
    repeated = Repeated.of(subjects)
    kept = matrix[np.ix_(repeated.scans, repeated.scans)]
    value = discriminability(matrix, subjects).value
    same = np.random.default_rng(7)
    at_least = 0
    for _ in range(50):
        labels = [""] * len(kept)
        for code, place in zip(repeated.codes, same.permutation(len(kept)), strict=True):
            labels[place] = str(code)
        at_least += discriminability(kept, labels).value >= value - 1e-12
    assert (outcome.at_least, outcome.p_value) == (at_least, (1 + at_least) / 51)


def test_subjects_that_differ_are_told_from_chance() -> None:
    subjects = [f"sub-{number // 2}" for number in range(20)]
    matrix = np.array([[0.0 if first == second else 1.0 for second in subjects] for first in subjects])
    outcome = permutation_test(matrix, subjects, permutations=99, seed=0)
    assert outcome is not None
    assert outcome.p_value == 0.01


def test_without_a_difference_every_permutation_is_as_high() -> None:
    outcome = permutation_test(np.zeros((6, 6)), ["a", "a", "b", "b", "c", "c"], permutations=9, seed=0)
    assert outcome is not None
    assert outcome.p_value == 1


def test_nothing_to_test_is_none() -> None:
    assert permutation_test(np.zeros((3, 3)), ["a", "a", "b"], permutations=9, seed=0) is None
    assert permutation_test(np.zeros((4, 4)), ["a", "a", "b", "b"], permutations=0, seed=0) is None
