"""The difference of two settings' discriminability: against hyppo, and against computing it in the plainest way."""

from __future__ import annotations

import itertools
import json
import math
from pathlib import Path

import numpy as np
import pytest
from core.comparison.hyppo_values import CASES, distances, points

from opsctl.core.comparison.paired_difference import PairedDifference, paired_difference, subject_shares
from opsctl.core.reliability.student import student_quantile

HYPPO = json.loads(Path(__file__).with_name("hyppo_values.json").read_text())["cases"]


def names(subject_of: np.ndarray) -> list[str]:
    return [f"sub-{number:02d}" for number in subject_of]


def compared(subjects: int, sessions: int, first: float, second: float, seed: int) -> PairedDifference:
    x, subject_of = points(subjects, sessions, first, seed)
    y, _ = points(subjects, sessions, second, seed + 100)
    shares = [subject_shares(distances(each), names(subject_of)) for each in (x, y)]
    assert shares[0] is not None and shares[1] is not None
    difference = paired_difference([(shares[0], shares[1])])
    assert difference is not None
    return difference


@pytest.mark.parametrize(("case", "hyppo"), list(zip(CASES, HYPPO, strict=True)))
def test_both_values_and_the_jackknife_are_those_of_hyppo(
    case: tuple[int, int, float, float, int], hyppo: dict
) -> None:  # type: ignore[type-arg]
    difference = compared(*case)
    assert difference.first == pytest.approx(hyppo["first"], abs=1e-9)
    assert difference.second == pytest.approx(hyppo["second"], abs=1e-9)
    without, count = np.array(hyppo["without"]), case[0]
    error = math.sqrt((count - 1) / count * ((without - without.mean()) ** 2).sum())
    assert difference.standard_error == pytest.approx(error, abs=1e-9)
    assert difference.high is not None and difference.low is not None
    assert difference.high - difference.low == pytest.approx(2 * student_quantile(0.975, count - 1) * error)
    assert (difference.subjects, difference.scans) == (count, count * case[1])


def test_the_probability_is_the_share_of_swaps_with_at_least_such_a_difference() -> None:
    x, subject_of = points(6, 2, 0.7, 11)
    y, _ = points(6, 2, 1.4, 12)
    first, second = (subject_shares(distances(each), names(subject_of)) for each in (x, y))
    assert first is not None and second is not None
    observed = abs(first.value - second.value)
    as_large = 0
    for is_swapped in itertools.product([False, True], repeat=6):
        total = [0.0, 0.0]
        for swap, subject in zip(is_swapped, sorted(first.contributions), strict=True):
            total[swap] += first.contributions[subject]
            total[not swap] += second.contributions[subject]
        as_large += abs(total[0] - total[1]) >= observed - 1e-9
    difference = paired_difference([(first, second)])
    assert difference is not None
    assert (difference.probability, difference.swaps, difference.is_every_swap) == (as_large / 64, 64, True)
    assert sum(first.contributions.values()) == pytest.approx(first.value)


def test_the_first_setting_minus_the_second_and_the_other_way_round() -> None:
    better = compared(12, 2, 0.6, 1.6, 5)
    assert better.value > 0 and better.is_resolved and better.low is not None and better.low > 0
    x, subject_of = points(12, 2, 0.6, 5)
    y, _ = points(12, 2, 1.6, 105)
    shares = [subject_shares(distances(each), names(subject_of)) for each in (y, x)]
    worse = paired_difference([(shares[0], shares[1])])  # type: ignore[list-item]
    assert worse is not None and worse.value == -better.value and worse.probability == better.probability
    assert (worse.low, worse.high) == (pytest.approx(-(better.high or 0)), pytest.approx(-better.low))


def test_swapping_many_subjects_is_random_and_repeatable() -> None:
    first, again = compared(20, 2, 0.9, 1.1, 6), compared(20, 2, 0.9, 1.1, 6)
    assert not first.is_every_swap and first.swaps == 10_000
    assert first.probability == again.probability > 0


def test_with_two_subjects_the_uncertainty_is_not_known() -> None:
    difference = compared(2, 2, 1.0, 1.0, 7)
    assert (difference.standard_error, difference.low, difference.subjects_to_resolve) == (None, None, None)
    assert not difference.is_resolved and difference.subjects_for_half_width is None


def test_no_difference_without_two_scans_of_two_subjects() -> None:
    x, _ = points(3, 1, 1.0, 8)
    assert subject_shares(distances(x), ["sub-1", "sub-2", "sub-2"]) is None
    assert paired_difference([]) is None


def test_settings_that_tell_all_apart_do_not_resolve_anything() -> None:
    difference = compared(8, 2, 0.01, 0.02, 9)
    assert (difference.first, difference.second, difference.low, difference.high) == (1.0, 1.0, 0.0, 0.0)
    assert difference.has_no_width and not difference.is_resolved
    assert difference.subjects_for_half_width is None and difference.subjects_to_resolve is None


def test_a_subject_that_a_parcellation_lacks_is_left_out_there_only() -> None:
    x, subject_of = points(6, 2, 1.0, 13)
    y, _ = points(6, 2, 1.3, 14)
    kept = subject_of < 5
    whole = [subject_shares(distances(each), names(subject_of)) for each in (x, y)]
    part = [subject_shares(distances(each[kept]), names(subject_of[kept])) for each in (x, y)]
    difference = paired_difference([tuple(whole), tuple(part)])  # type: ignore[arg-type, list-item]
    assert difference is not None and difference.subjects == 6
    values = [pair[0].value - pair[1].value for pair in (whole, part)]  # type: ignore[union-attr]
    assert difference.value == pytest.approx(np.mean(values))
    # The jackknife of the mean, one subject after the other, in the plainest way.
    without = []
    for subject in range(6):
        left = [each[subject_of != subject] for each in (x, y)]
        of_whole = [subject_shares(distances(each), names(subject_of[subject_of != subject])) for each in left]
        mask = kept & (subject_of != subject)
        of_part = [subject_shares(distances(each[mask]), names(subject_of[mask])) for each in (x, y)]
        without.append(np.mean([pair[0].value - pair[1].value for pair in (of_whole, of_part)]))  # type: ignore[union-attr]
    error = math.sqrt(5 / 6 * ((np.array(without) - np.mean(without)) ** 2).sum())
    assert difference.standard_error == pytest.approx(error, abs=1e-9)


def test_the_sample_that_resolves_the_difference_has_four_of_five_chances() -> None:
    difference = compared(8, 2, 1.0, 1.15, 21)
    needed = difference.subjects_to_resolve
    assert needed is not None and difference.standard_error is not None
    # With the standard error of that many subjects, the difference is 1.96 + 0.84 of them away from 0.
    error = difference.standard_error * math.sqrt(difference.subjects / needed)
    assert abs(difference.value) / error == pytest.approx(2.80, abs=0.05)
    assert difference.subjects_for_half_width == 32


@pytest.mark.parametrize(("subjects", "noise"), [(8, 1.6), (12, 1.2)])
def test_interval_and_test_hold_what_they_promise(subjects: int, noise: float) -> None:
    """Two equally good settings: few samples may call them different."""
    wrong_test = wrong_interval = 0
    for seed in range(80):
        difference = compared(subjects, 2, noise, noise, 1000 * subjects + seed)
        wrong_test += difference.probability < 0.05
        wrong_interval += not (difference.low or 0) <= 0 <= (difference.high or 0)
    # 5 % of 80 are 4; 10 or more come by chance in 1 of 130 such series.
    assert wrong_test < 10 and wrong_interval < 10
