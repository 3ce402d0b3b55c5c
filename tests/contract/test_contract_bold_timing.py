"""Repetition time and slice order of a bold series: `check` and the runner decide alike."""

from __future__ import annotations

import json
from typing import Any

import pytest
from m2g_job import bold_timing as runner
from support.hostile_files import SIDECARS

from opsctl.core.dataset import bold_timing as opsctl
from opsctl.core.size_limits import SIDECAR_BYTES

SLICES = 6


def times(order: list[int]) -> list[float]:
    """SliceTiming of slices taken in an order."""
    return [order.index(number) * 0.25 for number in range(len(order))]


def decided(
    sidecars: list[dict[str, Any]] | None = None,
    *,
    header_tr: float | None = None,
    tr: float | None = None,
    acquisition: str | None = None,
    slices: int = SLICES,
) -> tuple[float | None, str, tuple[str, ...]]:
    decisions = []
    for module in (runner, opsctl):
        fields = module.merged([json.dumps(sidecar).encode() for sidecar in sidecars or []])
        timing = module.bold_timing(fields, header_tr=header_tr, slices=slices, tr=tr, acquisition=acquisition)
        decisions.append((timing.tr_seconds, timing.acquisition, timing.doubts))
    assert decisions[0] == decisions[1]
    return decisions[0]


@pytest.mark.parametrize(
    ("sidecars", "header_tr", "tr", "expected", "doubt"),
    [
        ([{"RepetitionTime": 0.8}], 0.8, None, 0.8, ""),
        ([{"RepetitionTime": 0.8}], None, None, 0.8, ""),
        ([{"RepetitionTime": 0.8}], 2.0, None, 0.8, "the sidecar's is taken"),
        ([{"RepetitionTime": 2.0}], 2.0000002, None, 2.0, ""),
        ([{}], 1.5, None, 1.5, ""),
        ([], None, None, None, ""),
        ([], None, 2.5, 2.5, ""),
        ([{"RepetitionTime": 0.8}], 0.8, 2.0, 2.0, "--tr 2 replaces the repetition time of its data, 0.8 s"),
        ([{"RepetitionTime": 0.8}, {"RepetitionTime": 1.4}], None, None, 1.4, ""),
        ([{"RepetitionTime": 2000}], 2.0, None, 2.0, "RepetitionTime is not a time in seconds: 2000"),
        ([{"RepetitionTime": "2"}], None, None, None, "RepetitionTime is not a time in seconds: '2'"),
        ([{"RepetitionTime": True}], None, None, None, "not a time in seconds"),
        ([{"RepetitionTime": 0}], None, None, None, "not a time in seconds"),
    ],
)
def test_the_repetition_time(
    sidecars: list[dict[str, Any]], header_tr: float | None, tr: float | None, expected: float | None, doubt: str
) -> None:
    seconds, _, doubts = decided(sidecars, header_tr=header_tr, tr=tr, acquisition="alt+z")
    assert seconds == expected
    assert [text for text in doubts if doubt in text] if doubt else not doubts


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ([0, 2, 4, 1, 3, 5], "alt+z"),
        ([1, 3, 5, 0, 2, 4], "alt+z2"),
        ([5, 3, 1, 4, 2, 0], "alt-z"),
        ([4, 2, 0, 5, 3, 1], "alt-z2"),
        ([0, 1, 2, 3, 4, 5], "seqplus"),
        ([5, 4, 3, 2, 1, 0], "seqminus"),
    ],
)
def test_the_slice_order_has_afnis_name(order: list[int], expected: str) -> None:
    assert decided([{"SliceTiming": times(order)}], header_tr=2.0) == (2.0, expected, ())
    reversed_axis = {"SliceTiming": times(order)[::-1], "SliceEncodingDirection": "k-"}
    assert decided([reversed_axis], header_tr=2.0) == (2.0, expected, ())
    _, _, doubts = decided([{"SliceTiming": times(order)}], header_tr=2.0, acquisition="altminus")
    assert bool(doubts) is (expected != "alt-z")


@pytest.mark.parametrize(
    ("sidecar", "doubt"),
    [
        ({}, "no SliceTiming"),
        ({"SliceTiming": [0, 0.5, 1.0, 0, 0.5, 1.0]}, "no name for"),
        ({"SliceTiming": times([0, 3, 1, 4, 2, 5])}, "no name for"),
        ({"SliceTiming": [0, 1]}, "2 times for 6 slices"),
        ({"SliceTiming": "alternating"}, "not a list of times"),
        ({"SliceTiming": [0, 1, 2, 3, 4, float("nan")]}, "not a list of times"),
        ({"SliceTiming": times([0, 1, 2, 3, 4, 5]), "SliceEncodingDirection": "j"}, "slices lie along 'j'"),
    ],
)
def test_an_order_that_m2g_cannot_be_told_is_a_doubt(sidecar: dict[str, Any], doubt: str) -> None:
    _, order, doubts = decided([sidecar], header_tr=2.0)
    assert order == "alt+z"
    assert [text for text in doubts if doubt in text and text.endswith("m2g corrects it as alt+z")]
    assert decided([sidecar], header_tr=2.0, acquisition="seqplus") == (2.0, "seqplus", ())


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        (2.0, "sec", 2.0),
        (2000.0, "msec", 2.0),
        (8e5, "usec", 0.8),
        (0.8, "", 0.8),
        (800.0, "", 0.8),
        (0.0, "sec", None),
    ],
)
def test_the_headers_unit(value: float, unit: str, expected: float | None) -> None:
    assert runner.header_seconds(value, unit) == opsctl.header_seconds(value, unit) == expected


@pytest.mark.parametrize("sidecar", [b"", b"{", b"[]", b"\xff\xfe", b"[" * 100_000])
def test_a_sidecar_that_is_no_object_is_refused(sidecar: bytes) -> None:
    for module in (runner, opsctl):
        with pytest.raises(ValueError, match="JSON"):
            module.merged([b"{}", sidecar])


def test_a_value_of_any_length_is_shown_short() -> None:
    _, _, doubts = decided(
        [{"RepetitionTime": "2" * 100_000, "SliceTiming": [0], "SliceEncodingDirection": ["i"] * 9999}]
    )
    assert max(map(len, doubts)) < 200
    _, _, doubts = decided([{"SliceTiming": [0] * SLICES, "SliceEncodingDirection": ["i"] * 9999}])
    assert max(map(len, doubts)) < 200


@pytest.mark.parametrize(("sidecar", "is_refused"), SIDECARS.values(), ids=SIDECARS)
def test_hostile_sidecars(sidecar: bytes, is_refused: bool) -> None:
    if len(sidecar) > SIDECAR_BYTES:
        return  # both refuse it before they parse it: see test_check_bounds and test_job_func_options
    for module in (runner, opsctl):
        if is_refused:
            with pytest.raises(ValueError, match="JSON"):
                module.merged([sidecar])
        else:
            fields = module.merged([sidecar])
            timing = module.bold_timing(fields, header_tr=2.0, slices=SLICES, tr=None, acquisition=None)
            assert timing.tr_seconds == 2.0
            assert max(map(len, timing.doubts)) < 200
