"""One thread reads where the disk answers at once, and more where it is waited for."""

from __future__ import annotations

import pytest

from opsctl.core.results.disk_pace import DiskPace


@pytest.mark.parametrize(
    ("seconds", "tasks"),
    [
        pytest.param(0.010, 0, id="never waited"),
        pytest.param(0.030, 0, id="another program had the processor"),
        pytest.param(0.031, 16, id="waited for the disk"),
        pytest.param(9.000, 16, id="a network's disk"),
    ],
)
def test_what_a_task_alone_took_decides(seconds: float, tasks: int) -> None:
    assert DiskPace().side_by_side(seconds=seconds, cpu_seconds=0.010) == tasks


def test_of_a_slow_disk_few_tasks_are_done_alone() -> None:
    pace = DiskPace()
    assert [pace.side_by_side(seconds=1, cpu_seconds=0.01) for _ in range(4)] == [16, 32, 64, 128]
    assert pace.side_by_side(seconds=0.01, cpu_seconds=0.01) == 0
    assert pace.side_by_side(seconds=1, cpu_seconds=0.01) == 16
