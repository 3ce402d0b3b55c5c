"""The attempts of each scan: the runners' records and results, completed with what AWS Batch reports."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import groupby

from opsctl.core.diagnosis.cause_code import CauseCode
from opsctl.core.diagnosis.reason import NO_REASON, Reason, batch_reason
from opsctl.core.runs.attempt import Attempt
from opsctl.core.runs.result import Result
from opsctl.core.runs.status import BatchJob, RunStatus

#: Reason of an attempt that did not record its end and of which Batch reports none.
_LOST = Reason(CauseCode.INSTANCE_LOST, "lost: it ended without a word")

#: A runner writes the end of its attempt at most this long before Batch notices it, clocks of two machines included.
_SAME_END = timedelta(minutes=10)

#: A runner dates its attempt's start after Batch does; the clocks of two machines differ by less than this.
_CLOCKS_DIFFER = timedelta(seconds=30)

#: Each scan's attempts by the scan's index, oldest first.
AttemptsByScan = Mapping[int, tuple[Attempt, ...]]


def merge_attempts(
    recorded: Iterable[Attempt], results: Mapping[int, Result], jobs: Iterable[tuple[int, BatchJob]]
) -> dict[int, tuple[Attempt, ...]]:
    """Join the three sources on attempts, each attempt once.

    What a runner recorded takes precedence. An attempt that only Batch knows counts from when its job has ended, or a
    later attempt of the job has left a record: until then not every view of the run describes the job.

    Parameters
    ----------
    recorded
        The runners' records, in any order.
    results
        The existing results by scan index.
    jobs
        Batch's jobs with their scans' indices, as far as Batch was asked. A scan may have several.

    Returns
    -------
    dict
        Each scan's attempts by scan index, oldest first; scans without an attempt are missing.
    """
    merged = {(attempt.index, attempt.job_id, attempt.number): attempt for attempt in recorded}
    for index, result in results.items():
        key = (index, result.job_id, result.attempt)
        if key not in merged or merged[key].stopped_at is None:
            merged[key] = _of_result(index, result)
    latest: dict[tuple[int, str], int] = defaultdict(int)
    for index, job_id, number in merged:
        latest[index, job_id] = max(latest[index, job_id], number)
    for index, job in jobs:
        for reported in job.attempts:
            key = (index, reported.job_id, reported.number)
            is_settled = job.is_over or reported.started_at is None or reported.number < latest[index, reported.job_id]
            if key in merged or is_settled:
                # Batch counts within an array job; a run's indices continue through several arrays.
                unrecorded = Attempt(index=index, number=reported.number, job_id=reported.job_id)
                merged[key] = _completed(merged.get(key, unrecorded), reported)
    by_scan: dict[int, list[Attempt]] = defaultdict(list)
    for attempt in merged.values():
        by_scan[attempt.index].append(attempt)
    return {index: tuple(sorted(attempts, key=_by_time)) for index, attempts in by_scan.items()}


def unexplained_attempts(attempts: AttemptsByScan, jobs: Mapping[int, BatchJob]) -> set[tuple[int, str]]:
    """The jobs with attempts whose beginning or end only Batch may know.

    These are jobs with an attempt that has no end and does not run, and jobs with a gap in the attempts' numbers. Every
    view of a run asks Batch about the same ones, so that all count the same.

    Parameters
    ----------
    attempts
        Merged; see `merge_attempts`.
    jobs
        Batch's jobs by scan index, as far as they are known; all running jobs of scans with an open attempt.

    Returns
    -------
    set
        Pairs of a scan's index and a job's id.
    """
    unexplained = set()
    for index, own_attempts in attempts.items():
        job = jobs.get(index)
        for job_id, of_job in by_job(own_attempts).items():
            has_gap = len(of_job) < of_job[-1].number
            without_end = [attempt for attempt in of_job if is_open(attempt)]
            is_running = (
                job is not None
                and (job.job_id, job.status) == (job_id, "RUNNING")
                and not _began_before(of_job[-1], job.started_at)
            )
            if has_gap or (without_end and not (is_running and without_end == of_job[-1:])):
                unexplained.add((index, job_id))
    return unexplained


def unexplained_ends(attempts: AttemptsByScan, jobs: Mapping[int, BatchJob], *, done: Set[int]) -> set[tuple[int, str]]:
    """The ended jobs of scans that are not done and whose end no runner recorded; see `unexplained_attempts`."""
    return {
        (index, job.job_id)
        for index, job in jobs.items()
        if job.is_over and index not in done and not _has_end(attempts.get(index, ()), job)
    }


def is_open(attempt: Attempt) -> bool:
    """Whether an attempt has begun and its end is not known."""
    return attempt.started_at is not None and attempt.stopped_at is None


def by_job(attempts: Sequence[Attempt]) -> dict[str, list[Attempt]]:
    """A scan's attempts by the id of their job, each job's in the order of their numbers."""
    ordered = sorted(attempts, key=lambda attempt: (attempt.job_id, attempt.number))
    return {job_id: list(of_job) for job_id, of_job in groupby(ordered, key=lambda attempt: attempt.job_id)}


def tells_more(job: BatchJob, recorded: Iterable[Attempt]) -> bool:
    """Whether Batch describes an attempt of the job that the runners' records lack, or do not know the end of."""
    ended = {(attempt.job_id, attempt.number) for attempt in recorded if attempt.stopped_at is not None}
    return any((attempt.job_id, attempt.number) not in ended for attempt in job.attempts)


def with_retries(status: RunStatus, attempts: AttemptsByScan) -> RunStatus:
    """Add to each scan its latest attempt and why the earlier ones ended."""
    scans = []
    for scan in status.scans:
        # A scan may have two jobs, and each counts from 1: the one with the most attempts is shown.
        jobs = by_job(attempts.get(scan.index, ())).values()
        of_job = max(jobs, key=lambda of_job: of_job[-1].number, default=[])
        latest = max([scan.attempt, *(attempt.number for attempt in of_job)])
        earlier = [attempt for attempt in of_job if attempt.number < latest and attempt.exit_code != 0]
        reasons = tuple(attempt.cause if attempt.reason else _LOST for attempt in earlier)
        is_known = scan.attempt == latest and not reasons
        scans.append(scan if is_known else replace(scan, attempt=latest, retried=reasons))
    return replace(status, scans=tuple(scans))


def _of_result(index: int, result: Result) -> Attempt:
    return Attempt(
        index=index,
        number=result.attempt,
        job_id=result.job_id,
        started_at=result.started_at,
        stopped_at=result.stopped_at,
        exit_code=result.exit_code,
        reason=result.cause,
        cause_code=result.cause_code,
        facts=result.facts,
        log_stream=result.log_stream,
    )


def _began_before(attempt: Attempt, moment: str | None) -> bool:
    """Whether an attempt began so long before its job began to run that the job runs a later attempt by now."""
    if attempt.started_at is None or moment is None:
        return False
    return datetime.fromisoformat(moment) - datetime.fromisoformat(attempt.started_at) > _CLOCKS_DIFFER


def _has_end(attempts: Sequence[Attempt], job: BatchJob) -> bool:
    """Whether the end of an ended job's last attempt is among the attempts."""
    ended = [attempt for attempt in attempts if attempt.job_id == job.job_id and attempt.stopped_at is not None]
    if not ended:
        return False
    last = max(ended, key=lambda attempt: attempt.number)
    if job.attempts:
        return last.number >= len(job.attempts)
    if job.started_at is not None:
        lasted = datetime.fromisoformat(last.stopped_at or "") - datetime.fromisoformat(job.started_at)
        if lasted < _CLOCKS_DIFFER:
            # It ended before the job's last attempt began, which may have ended within minutes too.
            return False
    if job.stopped_at is None:
        return last.exit_code == job.exit_code
    return abs(datetime.fromisoformat(job.stopped_at) - datetime.fromisoformat(last.stopped_at or "")) < _SAME_END


def _completed(recorded: Attempt, reported: Attempt) -> Attempt:
    exit_code = recorded.exit_code if recorded.exit_code is not None else reported.exit_code
    # Batch reports that the container has exited for successful attempts, too.
    reason = NO_REASON if exit_code == 0 else _reason(recorded, reported, exit_code)
    return replace(
        recorded,
        started_at=recorded.started_at or reported.started_at,
        stopped_at=recorded.stopped_at or reported.stopped_at,
        exit_code=exit_code,
        reason=reason.message,
        cause_code=reason.code,
        facts=reason.facts,
        log_stream=reported.log_stream or recorded.log_stream,
    )


def _reason(recorded: Attempt, reported: Attempt, exit_code: int | None) -> Reason:
    """Why an attempt ended: as its runner recorded it, completed by Batch's word, or else as Batch reports it."""
    from_batch = batch_reason(reported.reason, exit_code=exit_code)
    return recorded.cause.completed(from_batch) if recorded.reason else from_batch


def _by_time(attempt: Attempt) -> tuple[str, int]:
    return (attempt.started_at or attempt.stopped_at or "", attempt.number)
