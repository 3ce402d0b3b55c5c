"""The sentence of a comparison: never that a setting is better when the figures do not say so."""

from __future__ import annotations

from typing import Any

import pytest

from opsctl.core.comparison.paired_difference import PairedDifference
from opsctl.core.comparison.recommendation import larger_sample, recommendation, signed

LABELS = ("A (csd)", "B (csa)")


def difference(**changes: Any) -> PairedDifference:
    known: dict[str, Any] = {
        "first": 0.95,
        "second": 0.90,
        "subjects": 8,
        "scans": 16,
        "standard_error": 0.01,
        "low": 0.026,
        "high": 0.074,
        "level": 0.95,
        "probability": 0.008,
        "swaps": 256,
        "is_every_swap": True,
    }
    return PairedDifference(**{**known, **changes})


UNRESOLVED = difference(first=0.91, standard_error=0.02, low=-0.037, high=0.057, probability=0.6)
DISAGREE = difference(probability=0.09)

CASES: dict[str, tuple[PairedDifference | None, str]] = {
    "first": (
        difference(),
        "A (csd) is the more reliable setting on such scans: D differs by 0.050 (95 % interval +0.026 to +0.074,"
        " p = 0.008; 8 subjects, 16 scans).",
    ),
    "second": (
        difference(first=0.90, second=0.95, low=-0.074, high=-0.026),
        "B (csa) is the more reliable setting on such scans: D differs by 0.050 (95 % interval −0.074 to −0.026,"
        " p = 0.008; 8 subjects, 16 scans).",
    ),
    "interval includes 0": (
        UNRESOLVED,
        "It is not known which setting is more reliable: the difference of D is +0.010, and its 95 % interval −0.037 to"
        " +0.057 includes 0 (p = 0.600; 8 subjects, 16 scans).",
    ),
    "the test does not confirm": (
        DISAGREE,
        "It is not known which setting is more reliable: the interval of the difference of D does not include 0"
        " (95 % interval +0.026 to +0.074), but the permutation test does not confirm it (p = 0.090; 8 subjects,"
        " 16 scans).",
    ),
    "no width": (
        difference(first=1.0, second=1.0, standard_error=0.0, low=0.0, high=0.0, probability=1.0),
        "These scans cannot tell the settings apart: the difference of D is 0.000 without any of the subjects as well"
        " (8 subjects, 16 scans), so they are too few, or too easy to tell apart, to show how uncertain it is.",
    ),
    "two subjects": (
        difference(subjects=2, scans=4, standard_error=None, low=None, high=None),
        "No recommendation: with 2 subjects, 4 scans the difference of D is +0.050, and its uncertainty is not known,"
        " which takes 3 subjects.",
    ),
    "nothing": (
        None,
        "No recommendation: reliability cannot be measured, because fewer than two subjects have two scans with both"
        " settings.",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_sentence(case: str) -> None:
    given, sentence = CASES[case]
    assert recommendation(given, LABELS, is_preview=False) == sentence


@pytest.mark.parametrize("case", CASES)
def test_of_the_preview_nothing_is_recommended(case: str) -> None:
    assert recommendation(CASES[case][0], LABELS, is_preview=True).startswith("No recommendation: opsctl's preview")


def test_what_a_larger_sample_would_show() -> None:
    assert larger_sample(difference()) == "An interval half as wide takes about 32 subjects with as many scans each."
    # (1.960 + 0.842) x 0.02 / 0.01 standard errors: 5.6 squared, times 8 subjects.
    assert "about 252 subjects show it in four of five such samples" in larger_sample(UNRESOLVED)
    assert "four of five" in larger_sample(DISAGREE)


def test_few_subjects_can_resolve_nothing() -> None:
    sentence = larger_sample(difference(subjects=5, scans=10, swaps=32, probability=0.0625))
    assert (
        "With 5 subjects p cannot fall below 0.062, so no difference can be resolved: that takes 6 subjects."
        in sentence
    )
    assert difference(subjects=6, swaps=64).may_be_resolved and not difference(subjects=5, swaps=32).may_be_resolved


@pytest.mark.parametrize("case", ["no width", "two subjects", "nothing"])
def test_nothing_is_said_of_a_larger_sample_where_the_error_is_not_known(case: str) -> None:
    assert larger_sample(CASES[case][0]) == ""


@pytest.mark.parametrize(
    ("value", "text"), [(0.0314, "+0.031"), (-0.0314, "−0.031"), (-0.0001, "0.000"), (0.0, "0.000")]
)
def test_a_difference_has_its_sign(value: float, text: str) -> None:
    assert signed(value) == text
