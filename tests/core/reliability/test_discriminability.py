"""Discriminability and its interval, against the definition written out."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from support.graph_examples import example_stack, example_weights

from opsctl.core.reliability.discriminability import discriminability
from opsctl.core.reliability.distances import distances
from opsctl.core.reliability.interval import discriminability_without, jackknife_interval

#: Subjects with at least two scans in `ragged(1)`.
SIX = 6


def defined(matrix: NDArray[np.float64], subjects: list[str]) -> float:
    """The definition, comparison by comparison."""
    repeated = [scan for scan, subject in enumerate(subjects) if subjects.count(subject) > 1]
    shares = []
    for scan in repeated:
        for same in repeated:
            if same == scan or subjects[same] != subjects[scan]:
                continue
            others = [other for other in repeated if subjects[other] != subjects[scan]]
            wins = [
                (matrix[scan, other] > matrix[scan, same]) + 0.5 * (matrix[scan, other] == matrix[scan, same])
                for other in others
            ]
            shares.append(sum(wins) / len(wins))
    return float(np.mean(shares))


def ragged(seed: int) -> tuple[NDArray[np.float64], list[str]]:
    """Distances with many ties between scans of subjects with 1 to 4 scans, in a mixed order."""
    generator = np.random.default_rng(seed)
    subjects = [f"sub-{number}" for number, count in enumerate(generator.integers(1, 5, 9)) for _ in range(count)]
    generator.shuffle(subjects)
    matrix = generator.integers(1, 8, (len(subjects), len(subjects))).astype(float)
    matrix += matrix.T
    np.fill_diagonal(matrix, 0)
    return matrix, subjects


@pytest.mark.parametrize("seed", range(5))
def test_d_is_the_definition(seed: int) -> None:
    matrix, subjects = ragged(seed)
    result = discriminability(matrix, subjects)
    assert result.value == pytest.approx(defined(matrix, subjects), abs=1e-12)
    is_repeated = np.array([subjects.count(subject) > 1 for subject in subjects])
    assert (np.isnan(result.per_scan) == ~is_repeated).all()
    assert result.scans == is_repeated.sum()
    assert result.subjects == len({subject for subject in subjects if subjects.count(subject) > 1})


@pytest.mark.parametrize("seed", range(5))
def test_d_without_a_subject_is_d_of_the_other_scans(seed: int) -> None:
    matrix, subjects = ragged(seed)
    names = sorted({subject for subject in subjects if subjects.count(subject) > 1})
    without = discriminability_without(matrix, subjects)
    for name, value in zip(names, without, strict=True):
        kept = [scan for scan, subject in enumerate(subjects) if subject != name]
        expected = defined(matrix[np.ix_(kept, kept)], [subjects[scan] for scan in kept])
        assert value == pytest.approx(expected, abs=1e-12)


def test_the_interval_is_the_jackknifes() -> None:
    """By pseudo-values, which give the same standard error; 2.57058 is Student's quantile for 6 subjects."""
    matrix, subjects = ragged(1)
    without = discriminability_without(matrix, subjects)
    assert len(without) == SIX
    value = discriminability(matrix, subjects).value
    error = np.std(SIX * value - (SIX - 1) * without, ddof=1) / np.sqrt(SIX)
    interval = jackknife_interval(matrix, subjects)
    assert interval is not None
    odds = np.log(np.array([interval.low, value, interval.high]) / (1 - np.array([interval.low, value, interval.high])))
    assert np.diff(odds) == pytest.approx(2.57058 * error / (value * (1 - value)), rel=1e-5)
    assert interval.level == 0.95


def test_where_every_comparison_comes_out_right_the_jackknife_says_nothing() -> None:
    subjects = ["a", "a", "b", "b", "c", "c"]
    perfect = np.array([[0.0 if first == second else 1.0 for second in subjects] for first in subjects])
    assert jackknife_interval(perfect, subjects) is None
    assert jackknife_interval(np.zeros((6, 6)), subjects) is None


def test_perfect_scans_give_one_and_copies_of_all_give_a_half() -> None:
    subjects = ["a", "a", "b", "b", "c", "c"]
    perfect = np.array([[0.0 if first == second else 1.0 for second in subjects] for first in subjects])
    assert discriminability(perfect, subjects).value == 1
    assert discriminability(np.zeros((6, 6)), subjects).value == 0.5


@pytest.mark.parametrize("subjects", [["a", "a", "b"], ["a", "b", "c"], []])
def test_two_subjects_with_two_scans_are_needed(subjects: list[str]) -> None:
    matrix = np.ones((len(subjects), len(subjects)))
    assert np.isnan(discriminability(matrix, subjects).value)
    assert jackknife_interval(matrix, subjects) is None


def test_two_subjects_have_no_interval() -> None:
    assert jackknife_interval(np.ones((4, 4)), ["a", "a", "b", "b"]) is None


def test_swapped_labels_have_the_lowest_values_of_their_own() -> None:
    stack = example_stack(example_weights(15, 2, 30))
    subjects = list(stack.subjects)
    subjects[4], subjects[21] = subjects[21], subjects[4]
    lowest = np.argsort(discriminability(distances(stack), subjects).per_scan)[:4]
    assert set(lowest) == {4, 5, 20, 21}
