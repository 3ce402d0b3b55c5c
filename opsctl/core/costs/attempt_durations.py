"""How long attempts ran, from the job runners' records and, where a runner recorded no end, from AWS Batch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from opsctl.core.runs.attempt import Attempt
from opsctl.core.runs.attempt_merge import merge_attempts
from opsctl.core.runs.status import BatchJob


@dataclass
class AttemptDuration:
    """The duration of an attempt that started.

    Attributes
    ----------
    hours
        How long the attempt occupied its instance; None where unknown.
    longest
        Hours from its start until now.
    """

    attempt: Attempt
    hours: float | None
    longest: float
    is_running: bool = False


def attempt_durations(
    attempts: Iterable[Attempt], jobs: Mapping[int, BatchJob], *, now: datetime
) -> list[AttemptDuration]:
    """The duration of each attempt: until its own end, else the start of the job's next attempt, else now if it runs.

    Parameters
    ----------
    attempts
        The runners' records.
    jobs
        Batch's jobs by scan index.
    """
    # Ordered by scan, job and number, so that a job's next attempt follows directly.
    started = [attempt for attempt in merge_attempts(attempts, jobs) if attempt.started_at is not None]
    durations = []
    for position, attempt in enumerate(started):
        start = attempt.started_at or ""
        following = started[position + 1] if position + 1 < len(started) else None
        if following is not None and (following.index, following.job_id) != (attempt.index, attempt.job_id):
            following = None
        job = jobs.get(attempt.index)
        if job is not None and job.job_id != attempt.job_id:
            job = None
        duration = AttemptDuration(attempt, None, hours_between(start, now.isoformat()))
        if attempt.stopped_at is not None:
            duration.hours = hours_between(start, attempt.stopped_at)
        elif following is not None:
            duration.hours = hours_between(start, following.started_at or "")
        elif job is not None and job.status in ("STARTING", "RUNNING") and attempt.number > len(job.attempts):
            duration.hours, duration.is_running = duration.longest, True
        if following is None and attempt.exit_code is None and job is not None and job.is_over:
            duration.attempt = replace(attempt, exit_code=job.exit_code)
        durations.append(duration)
    return durations


def credited_attempt(durations: Sequence[AttemptDuration]) -> AttemptDuration | None:
    """The attempt that produced the scan's result: the first that succeeded, else the last that failed by itself.

    Returns
    -------
    AttemptDuration or None
        None where every attempt runs or was ended from outside.
    """
    ended = sorted((duration for duration in durations if not duration.is_running), key=_end)
    for duration in ended:
        if duration.attempt.exit_code == 0:
            return duration
    # The runner exits with 1 or 2 for a fault of the scan; any other code (75, 137, 143, none) says nothing about it.
    judged = [duration for duration in ended if duration.attempt.exit_code in (1, 2)]
    return judged[-1] if judged else None


def hours_between(start: str, end: str) -> float:
    """Hours between two ISO 8601 times; 0 where `end` is before `start`, as the clocks of two machines may differ."""
    seconds = (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()
    return max(0.0, seconds) / 3600


def _end(duration: AttemptDuration) -> tuple[str, int]:
    return (duration.attempt.stopped_at or duration.attempt.started_at or "", duration.attempt.number)
