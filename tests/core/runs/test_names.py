"""Scans found by name or glob."""

from __future__ import annotations

import pytest

from opsctl.core.errors import Problem
from opsctl.core.runs.names import named

SCANS = ("sub-01/ses-1", "sub-01/ses-2", "sub-02/ses-1", "sub-[1]")


@pytest.mark.parametrize(
    ("pattern", "indices"),
    [
        ("sub-01/ses-2", [1]),
        ("/sub-01/ses-2/", [1]),
        ("sub-01*", [0, 1]),
        ("*ses-1", [0, 2]),
        ("sub-0[2-9]*", [2]),
        ("sub-[1]", [3]),
    ],
)
def test_a_name_or_a_glob_selects_scans(pattern: str, indices: list[int]) -> None:
    assert named(SCANS, [pattern]) == indices


@pytest.mark.parametrize(
    ("pattern", "hint"),
    [
        ("sub-01/ses-3", "Near: sub-01/ses-"),
        ("02", "Near: sub-02/ses-1"),
        ("banana", "It has 4, such as sub-01/ses-1, sub-01/ses-2."),
        ("", "It has 4, such as sub-01/ses-1, sub-01/ses-2."),
    ],
)
def test_an_unknown_name_is_answered_with_similar_ones(pattern: str, hint: str) -> None:
    with pytest.raises(Problem, match="The run has no scan") as caught:
        named(SCANS, [pattern])
    assert hint in caught.value.hint
