"""How long attempts occupied their instances; an end that nobody saw is estimated from the last sign of life."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from opsctl.core.runs.attempt import SIGN_OF_LIFE_EVERY, Attempt
from opsctl.core.runs.attempt_merge import by_job
from opsctl.core.runs.status import BatchJob


@dataclass(frozen=True)
class AttemptDuration:
    """The duration of an attempt that started.

    Attributes
    ----------
    hours
        How long the attempt occupied its instance; until now if it runs.
    is_estimated
        Its end is not known: `hours` reaches to its last sign of life.
    """

    attempt: Attempt
    hours: float
    is_running: bool = False
    is_estimated: bool = False


def attempt_durations(
    attempts: Sequence[Attempt], job: BatchJob | None, *, now: datetime, longest: timedelta
) -> list[AttemptDuration]:
    """The durations of one scan's attempts.

    Parameters
    ----------
    attempts
        Merged; see `opsctl.core.runs.attempt_merge`. Those that never started are left out.
    job
        The scan's job as Batch shows it; None where Batch does not know it.
    longest
        After this time Batch ends an attempt.
    """
    durations = []
    for job_id, of_job in by_job(attempts).items():
        is_active = job is not None and job.job_id == job_id and job.status in ("STARTING", "RUNNING")
        started = [attempt for attempt in of_job if attempt.started_at is not None]
        for attempt, following in zip(started, [*started[1:], None], strict=False):
            start = datetime.fromisoformat(attempt.started_at or "")
            if attempt.stopped_at is not None:
                durations.append(
                    AttemptDuration(attempt, hours_between(start, datetime.fromisoformat(attempt.stopped_at)))
                )
            elif following is None and is_active:
                durations.append(AttemptDuration(attempt, hours_between(start, now), is_running=True))
            else:
                ends = [now, start + longest, _last_sign_of_life(attempt) + SIGN_OF_LIFE_EVERY]
                ends += [datetime.fromisoformat(following.started_at or "")] if following is not None else []
                durations.append(AttemptDuration(attempt, hours_between(start, min(ends)), is_estimated=True))
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


def _last_sign_of_life(attempt: Attempt) -> datetime:
    return datetime.fromisoformat(attempt.seen_at or attempt.started_at or "").astimezone(UTC)


def hours_between(start: datetime, end: datetime) -> float:
    """Hours between two moments; 0 where `end` is before `start`, as the clocks of two machines may differ."""
    return max(0.0, (end - start).total_seconds()) / 3600


def _end(duration: AttemptDuration) -> tuple[str, int]:
    return (duration.attempt.stopped_at or duration.attempt.started_at or "", duration.attempt.number)
