"""S3's clock dates what several machines write, whatever their own clocks say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from support.memory_s3 import MemoryS3

from opsctl.aws.s3 import clock as clock_module
from opsctl.aws.s3.clock import S3Clock

NOON = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize("machine_is_ahead_by", [timedelta(0), timedelta(hours=1), timedelta(hours=-1)])
def test_the_time_is_s3s_and_counts_on_by_the_clock_that_nobody_sets(
    monkeypatch: pytest.MonkeyPatch, machine_is_ahead_by: timedelta
) -> None:
    class MachineTime(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]
            return NOON + machine_is_ahead_by

    monkeypatch.setattr(clock_module, "datetime", MachineTime)
    s3: Any = MemoryS3("data", now=lambda: NOON)
    since_boot = [1000.0]
    clock = S3Clock(s3, "data", since_boot=lambda: since_boot[0])
    assert clock.now() == NOON
    since_boot[0] += 90.0
    assert clock.now() == NOON + timedelta(seconds=90)
