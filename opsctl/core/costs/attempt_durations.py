"""How long attempts were there: the runners' records, and Batch's word where a runner could not write its end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from opsctl.core.runs.attempt import Attempt
from opsctl.core.runs.status import BatchJob


@dataclass
class AttemptDuration:
    """An attempt that started.

    Attributes
    ----------
    hours
        How long it was there; None: nobody knows.
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
    """How long each attempt was there: till its own end, else till the job's next began, else till now if it runs.

    Parameters
    ----------
    attempts
        As their runners wrote them down.
    jobs
        Batch's word by the scan's index.
    """
    found = _merged(attempts, jobs)
    made = []
    # In the order of scan, job and number: a job's next attempt follows at once.
    for position, one in enumerate(found):
        start = one.started_at or ""
        after = found[position + 1] if position + 1 < len(found) else None
        if after is not None and (after.index, after.job_id) != (one.index, one.job_id):
            after = None
        job = jobs.get(one.index)
        if job is not None and job.job_id != one.job_id:
            job = None
        span = AttemptDuration(one, None, hours_between(start, now.isoformat()))
        if one.stopped_at is not None:
            span.hours = hours_between(start, one.stopped_at)
        elif after is not None:
            span.hours = hours_between(start, after.started_at or "")
        elif job is not None and job.status in ("STARTING", "RUNNING") and one.number > len(job.attempts):
            span.hours, span.is_running = span.longest, True
        if after is None and one.exit_code is None and job is not None and job.is_over:
            span.attempt = replace(one, exit_code=job.exit_code)
        made.append(span)
    return made


def credited_attempt(durations: Sequence[AttemptDuration]) -> AttemptDuration | None:
    """The one attempt of a scan that its result is of: the first that succeeded, else the last that gave a verdict."""
    ended = sorted((span for span in durations if not span.is_running), key=_end)
    for span in ended:
        if span.attempt.exit_code == 0:
            return span
    # 1 and 2 are the runner's words on the scan itself; everything else (75, 137, 143, none) says nothing of it.
    judged = [span for span in ended if span.attempt.exit_code in (1, 2)]
    return judged[-1] if judged else None


def hours_between(start: str, end: str) -> float:
    """Hours between two moments in ISO 8601; 0 where the clocks of two machines put them the wrong way round."""
    seconds = (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()
    return max(0.0, seconds) / 3600


def _merged(attempts: Iterable[Attempt], jobs: Mapping[int, BatchJob]) -> list[Attempt]:
    """The runners' records, filled from Batch's word; Batch alone where a runner wrote nothing. Only what started."""
    found = {(one.index, one.job_id, one.number): one for one in attempts}
    for index, job in jobs.items():
        for told in job.attempts:
            key = (index, job.job_id, told.number)
            own = found.get(key)
            if own is None:
                # Batch counts within an array job, a run's index goes on through several of them.
                found[key] = replace(told, index=index)
            else:
                found[key] = replace(
                    own,
                    stopped_at=own.stopped_at or told.stopped_at,
                    exit_code=told.exit_code if own.exit_code is None else own.exit_code,
                )
    return [found[key] for key in sorted(found) if found[key].started_at is not None]


def _end(span: AttemptDuration) -> tuple[str, int]:
    return (span.attempt.stopped_at or span.attempt.started_at or "", span.attempt.number)
