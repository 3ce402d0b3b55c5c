"""What a running scan is doing, and about how long it will go on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Any

from opsctl.core.costs.attempt_durations import attempt_durations
from opsctl.core.costs.estimate import succeeded_hours
from opsctl.core.runs.attempt_merge import AttemptsByScan
from opsctl.core.runs.phase import Phase
from opsctl.core.runs.result import Result
from opsctl.core.runs.status import BatchJob


@dataclass(frozen=True, kw_only=True)
class ScanProgress:
    """How far a running scan is.

    Attributes
    ----------
    scan
        Its name.
    phase
        As its job last wrote it, at most a minute late; None where m2g has not begun, or an older job runs.
    seconds
        Since its attempt began.
    remaining_seconds
        Until it has taken as long as the run's finished scans did (their median). None where none has finished, and
        where it has taken longer already.
    """

    scan: str
    phase: Phase | None
    seconds: float
    remaining_seconds: float | None

    def as_json(self) -> dict[str, Any]:
        """Its fields in `status --json`."""
        return {
            "phase": asdict(self.phase) if self.phase is not None else None,
            "running_seconds": round(self.seconds),
            "remaining_seconds": round(self.remaining_seconds) if self.remaining_seconds is not None else None,
        }


def progress_of(
    scans: tuple[str, ...],
    attempts: AttemptsByScan,
    jobs: Mapping[int, BatchJob],
    results: Iterable[Result],
    *,
    now: datetime,
    longest: timedelta,
) -> dict[int, ScanProgress]:
    """The progress of the scans that run, by index.

    Parameters
    ----------
    scans
        The names of the run's scans.
    attempts, jobs
        By the scan's index; a scan runs where its job does and its last attempt has begun.
    results
        The run's.
    longest
        After this time Batch ends an attempt.
    """
    hours = succeeded_hours(results)
    usual_seconds = median(hours) * 3600 if hours else 0.0
    progress = {}
    for index, own_attempts in attempts.items():
        for duration in attempt_durations(own_attempts, jobs.get(index), now=now, longest=longest):
            if duration.is_running:
                seconds = duration.hours * 3600
                remaining = usual_seconds - seconds
                progress[index] = ScanProgress(
                    scan=scans[index],
                    phase=duration.attempt.phase,
                    seconds=seconds,
                    remaining_seconds=remaining if remaining > 0 else None,
                )
    return progress
