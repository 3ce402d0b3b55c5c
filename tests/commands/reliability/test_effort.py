"""What a comparison takes is told from a measurement on this machine and the numbers of scans and regions."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from opsctl.commands.reliability.effort import effort
from opsctl.commands.reliability.graph_files import GraphFile
from opsctl.commands.reliability.graph_stacks import StackFiles
from opsctl.core.reliability.graph_stack import StackedScan


def files_of(scans: int, regions: int) -> StackFiles:
    files = tuple(
        GraphFile(scan=StackedScan.of(f"sub-{number}"), atlas="A", kind="streamlines", model="csd", address=str(number))
        for number in range(scans)
    )
    return StackFiles(atlas="A", kind="streamlines", model="csd", files=files, regions=regions)


def clock(*moments: float) -> Iterator[float]:
    yield from moments


def test_the_time_grows_with_the_square_of_the_scans() -> None:
    # 100,000 ranks in 10 ms, and the products of 512 scans over 3,200 pairs in 100 ms.
    times = clock(0, 0.01, 0.11)
    told = effort([files_of(1000, 400)], "ranks", clock=lambda: next(times))
    assert told.seconds == pytest.approx(79_800_000 * (1e-7 + 1000 * 0.1 / (512**2 * 3200)), rel=1e-6)
    assert told.disk_bytes == 0


def test_the_disk_is_that_of_the_largest_stack_with_its_ranks() -> None:
    stacks = [files_of(1300, 400), files_of(2000, 400)]
    assert effort(stacks, "ranks").disk_bytes == 2 * 2000 * 79_800 * 4
    assert effort(stacks, "raw").disk_bytes == 2000 * 79_800 * 4


def test_a_small_comparison_is_not_measured() -> None:
    assert effort([files_of(4, 48)], "ranks", clock=lambda: pytest.fail("measured")).seconds == 0
