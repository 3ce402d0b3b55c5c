"""What one job gets when several scans share an instance."""

from __future__ import annotations

from dataclasses import replace

import pytest
from test_packing import resources

from opsctl.core.errors import UsageProblem
from opsctl.core.sizing.job_size import JobSize, own_size, packed_size, size_with_memory
from opsctl.core.sizing.pack_option import parse_pack

LARGE, XLARGE = resources(2, 15_200), resources(4, 30_400)
PACKED = replace(LARGE, vcpus=1, memory_mib=7_600, instance_vcpus=2, instance_memory_mib=15_200)


def size(vcpus: int, memory_mib: int, scans: int) -> JobSize:
    return JobSize(vcpus=vcpus, memory_mib=memory_mib, scans_per_instance=scans)


@pytest.mark.parametrize(
    ("model", "scans", "expected"),
    [
        (LARGE, 1, size(2, 15_200, 1)),
        (LARGE, 2, size(1, 7_600, 2)),
        (PACKED, 1, size(2, 15_200, 1)),
        (PACKED, 2, size(1, 7_600, 2)),
        (XLARGE, 3, size(1, 10_133, 3)),
    ],
)
def test_a_share(model: object, scans: int, expected: JobSize) -> None:
    assert packed_size(model, scans) == expected  # type: ignore[arg-type]


def test_the_platforms_own() -> None:
    assert own_size(LARGE) == size(2, 15_200, 1)
    assert own_size(PACKED) == size(1, 7_600, 2)
    assert PACKED.scans_per_instance == 2 and LARGE.scans_per_instance == 1


@pytest.mark.parametrize(
    ("model", "memory_mib", "expected"),
    [
        (LARGE, 8_000, size(2, 8_000, 1)),
        (PACKED, 7_000, size(1, 7_000, 2)),
        (PACKED, 7_601, size(2, 7_601, 1)),
        (PACKED, 15_200, size(2, 15_200, 1)),
    ],
)
def test_with_memory(model: object, memory_mib: int, expected: JobSize) -> None:
    assert size_with_memory(model, memory_mib) == expected  # type: ignore[arg-type]


def test_the_resources_of_a_size_hold_as_many() -> None:
    for scans in (1, 2, 3, 4):
        assert packed_size(XLARGE, scans).of(XLARGE).scans_per_instance == scans


@pytest.mark.parametrize("scans", [0, 3])
def test_more_scans_than_vcpus(scans: int) -> None:
    with pytest.raises(UsageProblem, match="2 vCPUs"):
        packed_size(LARGE, scans)


def test_the_option() -> None:
    assert [parse_pack(text) for text in ("auto", "off", "2")] == ["auto", 1, 2]
    for text in ("", "0", "-1", "two", "1.5"):
        with pytest.raises(UsageProblem, match="auto, off"):
            parse_pack(text)
