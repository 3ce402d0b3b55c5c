"""The root disk follows what system and image take, and the scans' peaks."""

from __future__ import annotations

import pytest
from test_packing import peaks

from opsctl.core.selftest.phases import Phases
from opsctl.core.selftest.times import PlatformTimes
from opsctl.core.sizing.disk import SystemDisk, least_gib
from opsctl.core.sizing.peaks import ScanPeak

GIB = 1024


def scan(disk_mib: int) -> ScanPeak:
    return ScanPeak(scan="sub-1", model="csd", memory_mib=1, disk_mib=disk_mib, atlas_count=1)


@pytest.mark.parametrize(
    ("used_gib", "peak_mib", "scans", "gib"),
    [
        # Not measured: 40 GiB, and a quarter more than the peaks.
        (None, 4 * GIB, 1, 45),
        (None, 4 * GIB, 2, 50),
        # The image's compressed layers need half of what it takes; the scans use that place afterwards.
        (27, 4 * GIB, 1, 41),
        (27, 4 * GIB, 2, 41),
        (27, 4 * GIB, 3, 42),
        (27, 20 * GIB, 2, 77),
        # Never less than the machine image's snapshot, and a GiB for each scan that shares the disk.
        (12, 1, 1, 30),
        (12, 1, 8, 38),
    ],
)
def test_what_is_needed(used_gib: int | None, peak_mib: int, scans: int, gib: int) -> None:
    system = SystemDisk(used_mib=None if used_gib is None else used_gib * GIB, measured_on="2026-11-28")
    assert system.needed_gib([scan(7), scan(peak_mib)], scans) == gib


def test_the_largest_peak_decides_since_nothing_saves_a_scan_whose_disk_is_full() -> None:
    assert SystemDisk().needed_gib([scan(100)] * 99 + [scan(10 * GIB)], 1) == 53
    assert SystemDisk().needed_gib(peaks(1), 1) == 41
    assert SystemDisk().needed_gib([], 1) == 40


def test_the_least_is_as_terraform_has_it() -> None:
    assert [least_gib(scans) for scans in (1, 2, 48)] == [30, 32, 78]


def test_the_newest_measurement_of_the_platforms_image_counts() -> None:
    phases, times = Phases(instance=1.0, start=1.0), PlatformTimes()
    for at, image, used in (("2026-11-01T00:00:00Z", "m2g:1", 20_000), ("2026-11-02T00:00:00Z", "m2g:2", 30_000)):
        times = times.with_measured([("r5.large", phases)], at=at, disks={"r5.large": used}, image=image)
    newest = times.with_measured(
        [("r5.large", phases)], at="2026-11-03T00:00:00Z", disks={"r5.large": None}, image="m2g:2"
    )
    assert [getattr(newest.disk(image), "disk_used_mib", None) for image in ("m2g:1", "m2g:2", "m2g:3")] == [
        20_000,
        30_000,
        None,
    ]
