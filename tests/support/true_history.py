"""What truly became of a run's scans, and what of it anybody could still know."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from opsctl.commands.runs.records import Records
from opsctl.core.runs.manifest import Origin, Run
from opsctl.core.runs.status import FROM_BATCH
from support.batch_history import PlayedAttempt, PlayedJob
from support.history_world import HistoryWorld
from support.played_runner import SIGN_OF_LIFE

#: Between the clocks of two machines, and a second for times that are cut to whole seconds.
CLOCKS_DIFFER = timedelta(seconds=5)
_PER_ATTEMPT = 2 * CLOCKS_DIFFER + timedelta(seconds=2)
#: A submission whose last record is younger than this is under way.
_UNDER_WAY = timedelta(minutes=2)


@dataclass(frozen=True)
class TrueAttempt:
    """One attempt at a scan.

    Attributes
    ----------
    hours
        How long it has occupied its instance.
    is_known
        Whether a record of it, or Batch, still tells that it started.
    may_be_known
        The same, or that who asks Batch for a job that the run does not know of finds it there.
    has_known_end
        Whether its runner, or Batch, still tells when it ended, or that it runs.
    """

    hours: float
    is_known: bool
    may_be_known: bool
    has_known_end: bool


@dataclass(frozen=True)
class TrueScan:
    """One scan of a run.

    Attributes
    ----------
    is_found
        Whether its job is on record, or Batch has it under its name.
    has_trace
        Whether anything tells that Batch ever had a job of it.
    """

    state: str
    is_found: bool
    has_trace: bool
    attempts: tuple[TrueAttempt, ...]

    @property
    def known_attempts(self) -> range:
        """How many attempts may be told of."""
        least = sum(attempt.is_known for attempt in self.attempts)
        return range(least, sum(attempt.may_be_known for attempt in self.attempts) + 1)

    @property
    def usd(self) -> tuple[float, float]:
        """The least and the most that it may be said to have cost, at a dollar an hour.

        What is known is told to the second; an attempt whose end nobody saw counts at most until one more sign of life
        than it gave. Nobody can know of an attempt that left nothing.
        """
        least = sum(attempt.hours for attempt in self.attempts if attempt.is_known and attempt.has_known_end)
        most = sum(attempt.hours for attempt in self.attempts if attempt.may_be_known)
        unseen = sum(attempt.may_be_known and not attempt.has_known_end for attempt in self.attempts)
        clocks = _hours(_PER_ATTEMPT) * len(self.attempts)
        return least - clocks, most + clocks + unseen * _hours(SIGN_OF_LIFE)


def truth_of(world: HistoryWorld, run: Run) -> dict[str, TrueScan]:
    """The truth about every scan of a run, adopted ones too, by name."""
    records = world.records
    return {name: _true_scan(world, records, run, index) for index, name in enumerate(run.scans)}


def jobs_of(world: HistoryWorld, run: Run, index: int) -> list[PlayedJob]:
    """Every job that Batch ever had of one scan of a run."""
    origin = run.origin(index)
    return [
        job
        for job in world.history.jobs
        if job.run_uri.endswith(f"/{origin.run_id}") and job.scan_index == origin.index
    ]


def _true_scan(world: HistoryWorld, records: Records, run: Run, index: int) -> TrueScan:
    origin = run.origin(index)
    result = records.results(origin.run_id).get(origin.index)
    jobs = jobs_of(world, run, index)
    own, is_found = _own_job(world, records, origin, jobs)
    attempts = tuple(
        _true_attempt(world, records, origin.run_id, job, attempt, is_own=job is own)
        for job in jobs
        for attempt in job.attempts
        if attempt.started_at is not None
    )
    if result is not None and result.succeeded:
        state = "DONE"
    elif own is None or not is_found:
        state = _without_job(world, records, origin.run_id, origin.index)
    else:
        state = "FAILED" if own.is_over or not world.history.knows(own) else FROM_BATCH[own.status]
    has_trace = is_found or result is not None or any(attempt.is_known for attempt in attempts)
    return TrueScan(state=state, is_found=is_found, has_trace=has_trace, attempts=attempts)


def _own_job(
    world: HistoryWorld, records: Records, origin: Origin, jobs: Sequence[PlayedJob]
) -> tuple[PlayedJob | None, bool]:
    """The job that the run has recorded or would find by its name, and whether it is either of these.

    After a lost reply there may be two of one name, and after the first was forgotten, too.
    """
    ids = {
        submission.child_id(origin.index)
        for submission in records.submissions(origin.run_id)
        if origin.index in submission.indices
    }
    own = [job for job in jobs if job.job_id in ids] or [job for job in jobs if world.history.knows(job)]
    return (own[0], True) if own else (jobs[-1] if jobs else None, False)


def _without_job(world: HistoryWorld, records: Records, run_id: str, index: int) -> str:
    log = records.submission_log(run_id)
    if any(submission.state == "abandoned" and index in submission.indices for submission in log):
        return "FAILED"
    times = [records.run(run_id).created_at, *(submission.at for submission in log)]
    age = world.now() - max(map(datetime.fromisoformat, times))
    return "PENDING" if age < _UNDER_WAY else "FAILED"


def _true_attempt(
    world: HistoryWorld, records: Records, run_id: str, job: PlayedJob, attempt: PlayedAttempt, *, is_own: bool
) -> TrueAttempt:
    assert attempt.started_at is not None
    records_of_job = [entry for entry in records.attempts(run_id) if entry.job_id == job.job_id]
    recorded = [entry for entry in records_of_job if entry.number == attempt.number]
    saved = records.load_final_job_states(run_id).get(job.scan_index)
    is_saved = saved is not None and saved.job_id == job.job_id and len(saved.attempts) >= attempt.number
    tells_batch = is_saved or world.history.knows(job)
    # An attempt that left no record counts from when its job is over, or a later attempt has left one: Batch describes
    # a thousand waiting jobs in ten calls, and not every verb asks for that.
    later = [entry for entry in records_of_job if entry.number > attempt.number]
    is_told = attempt.stopped_at is not None and tells_batch and (job.is_over or bool(later))
    has_recorded_end = any(entry.stopped_at is not None for entry in recorded)
    return TrueAttempt(
        hours=_hours((attempt.stopped_at or world.moment) - attempt.started_at),
        is_known=bool(recorded) or (is_own and is_told),
        may_be_known=bool(recorded) or is_told,
        # Nobody need ask Batch for a job that the run does not know of.
        has_known_end=has_recorded_end or (is_own and tells_batch),
    )


def _hours(duration: timedelta) -> float:
    return duration / timedelta(hours=1)
