"""Validation of sidecars and headers as scanners and tools write them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsctl.core.dataset.gradients import DIRECTIONS_NEEDED
from opsctl.core.dataset.nifti_header import ImageHeader
from opsctl.core.dataset.scan import Scan
from opsctl.core.dataset.scan_validation import ScanMetadata, validate_scan

VOLUMES = 33


def scan(pipeline: str = "dwi") -> Scan:
    return Scan(name="sub-01", subject="01", session=None, entities={}, pipeline=pipeline, inputs=())


def directions(count: int) -> list[tuple[float, float, float]]:
    """Points of a spiral over a hemisphere, no two of them on one axis."""
    points = []
    for number in range(count):
        z = (number + 0.5) / count
        angle = number * math.pi * (3 - math.sqrt(5))
        radius = math.sqrt(1 - z * z)
        points.append((radius * math.cos(angle), radius * math.sin(angle), z))
    return points


def bval(values: list[float]) -> bytes:
    return " ".join(f"{value:g}" for value in values).encode()


def bvec(vectors: list[tuple[float, float, float]]) -> bytes:
    return "\n".join(" ".join(f"{value:.6f}" for value in row) for row in zip(*vectors, strict=True)).encode()


def facts(**changes: object) -> ScanMetadata:
    good = {
        "bval": bval([0.0] + [1000.0] * (VOLUMES - 1)),
        "bvec": bvec([(0.0, 0.0, 0.0), *directions(VOLUMES - 1)]),
        "header": ImageHeader((10, 10, 10, VOLUMES), 2),
        "t1w": ImageHeader((20, 20, 20), 2),
    }
    return ScanMetadata(**{**good, **changes})


def findings(given_facts: ScanMetadata, *, pipeline: str = "dwi", root_volume_gib: int = 100) -> tuple[str, str]:
    verdict = validate_scan(scan(pipeline), given_facts, root_volume_gib=root_volume_gib)
    return verdict.level, "; ".join(verdict.findings)


def test_a_good_scan_is_fine() -> None:
    assert findings(facts()) == ("fine", "")


VECTORS = [(0.0, 0.0, 0.0), *directions(VOLUMES - 1)]
FEW = directions(DIRECTIONS_NEEDED - 1)

WRONG = {
    "counts": ({"bval": bval([0.0] + [1000.0] * 31)}, "bval and bvec differ in count: 32 and 33"),
    "volumes": ({"header": ImageHeader((10, 10, 10, 40), 2)}, "the image has 40 volumes, but there are 33 b-values"),
    "no b0": ({"bval": bval([995.0] + [1000.0] * 32)}, "volume 0 (b=995) without a direction in bvec"),
    "no direction": (
        {"bvec": bvec([VECTORS[0], *VECTORS[:3], *VECTORS[4:]])},
        "volume 1 (b=1000) without a direction in bvec",
    ),
    "words": ({"bval": b"zero " * VOLUMES}, "bval is not made of numbers"),
    "empty": ({"bvec": b" \n"}, "bvec is empty"),
    "nan": ({"bvec": bvec([*VECTORS[:-2], *[(math.nan,) * 3] * 2])}, "2 volumes (the first is 31, b=1000) with nan"),
    "rows": ({"bvec": b"1 2\n3 4\n5 6\n7 8"}, "bvec has 4 rows of 2 values"),
    "ragged": ({"bvec": b"1 2 3\n1 2\n1 2 3"}, "bvec's rows differ in length"),
    "one volume": ({"header": ImageHeader((10, 10, 10), 2)}, "the image has 1 volume, a series is needed"),
    "no header": ({"header": None, "faults": {"dwi": "x.nii is not gzip"}}, "x.nii is not gzip"),
    "T1w": ({"t1w": ImageHeader((20, 20, 20, 2), 2)}, "the T1w has 2 volumes, it must have one"),
    "all that is wrong": (
        {"bval": None, "header": None, "faults": {"bval": "x.bval cannot be read", "dwi": "x.nii is not gzip"}},
        "x.bval cannot be read; x.nii is not gzip",
    ),
}


@pytest.mark.parametrize(("changes", "finding"), WRONG.values(), ids=WRONG)
def test_what_m2g_could_not_process_is_wrong(changes: dict[str, object], finding: str) -> None:
    level, sentences = findings(facts(**changes))
    assert level == "wrong"
    assert finding in sentences


def test_too_few_directions_are_a_warning() -> None:
    few = facts(
        bval=bval([0.0] + [1000.0] * len(FEW)),
        bvec=bvec([(0.0, 0.0, 0.0), *FEW]),
        header=ImageHeader((10, 10, 10, 1 + len(FEW)), 2),
    )
    level, sentences = findings(few)
    assert level == "warning"
    assert "27 directions, but order 6 of m2g's csd and csa models has 28 coefficients" in sentences


def test_directions_in_columns_and_with_commas_are_read() -> None:
    columns = "\n".join(", ".join(map(str, vector)) for vector in VECTORS)
    assert findings(facts(bvec=columns.encode()))[0] == "fine"


def test_a_small_b_value_counts_as_zero() -> None:
    assert findings(facts(bval=bval([5.0] + [1000.0] * (VOLUMES - 1))))[0] == "fine"


def test_opposite_directions_are_one_axis() -> None:
    half = directions(20)
    opposites = [*half, *(tuple(-value for value in direction) for direction in half)]
    changes = {
        "bval": bval([0.0] + [1000.0] * 40),
        "bvec": bvec([(0.0, 0.0, 0.0), *opposites]),
        "header": ImageHeader((10, 10, 10, 41), 2),
    }
    assert "20 directions" in findings(facts(**changes))[1]


def test_a_scan_that_does_not_fit_the_disk_is_a_warning() -> None:
    large = facts(header=ImageHeader((400, 400, 400, VOLUMES), 4))
    level, sentences = findings(large)
    assert level == "warning"
    assert "GiB of disk" in sentences
    assert findings(large, root_volume_gib=1000)[0] == "fine"


def test_a_bold_series_needs_no_gradients() -> None:
    header = ImageHeader((10, 10, 3, 200), 2)
    sidecar = b'{"RepetitionTime": 2.0, "SliceTiming": [0, 1, 0.5]}'
    assert findings(ScanMetadata(header=header, sidecars=(sidecar,)), pipeline="func") == ("fine", "")


@pytest.mark.parametrize(
    ("tr_seconds", "sidecars", "level", "sentence"),
    [
        (None, (), "wrong", "it has no repetition time, neither in a JSON sidecar nor in its header: give --tr"),
        (2.0, (b"[]",), "wrong", "its JSON sidecar is not a JSON object"),
        (2.0, (), "warning", "its slice order is not known (no SliceTiming): m2g corrects it as alt+z"),
        (
            2.0,
            (b'{"RepetitionTime": 0.8}',),
            "warning",
            "its sidecar says a repetition time of 0.8 s and its header 2 s",
        ),
    ],
)
def test_the_timing_of_a_bold_series_is_looked_at(
    tr_seconds: float | None, sidecars: tuple[bytes, ...], level: str, sentence: str
) -> None:
    header = ImageHeader((10, 10, 3, 200), 2, tr_seconds=tr_seconds)
    verdict, sentences = findings(ScanMetadata(header=header, sidecars=sidecars), pipeline="func")
    assert verdict == level
    assert sentence in sentences


def test_a_typed_repetition_time_is_compared_with_the_data() -> None:
    header = ImageHeader((10, 10, 3, 200), 2, tr_seconds=0.8)
    metadata = ScanMetadata(header=header)
    verdict = validate_scan(scan("func"), metadata, root_volume_gib=100, tr=2.0, acquisition="seqplus")
    assert verdict.findings == ("--tr 2 replaces the repetition time of its data, 0.8 s",)
    no_time = ScanMetadata(header=ImageHeader((10, 10, 3, 200), 2))
    assert validate_scan(scan("func"), no_time, root_volume_gib=100, tr=2.0, acquisition="seqplus").level == "fine"


@given(st.text(max_size=60).map(str.encode) | st.binary(), st.text(max_size=60).map(str.encode) | st.binary())
def test_no_content_raises(some_bval: bytes, some_bvec: bytes) -> None:
    assert findings(facts(bval=some_bval, bvec=some_bvec))[0] == "wrong"
