"""The attempts of each scan: the job runners' records, completed with what AWS Batch reports."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from opsctl.core.diagnosis.cause_code import CauseCode
from opsctl.core.diagnosis.reason import NO_REASON, Reason, batch_reason
from opsctl.core.runs.attempt import Attempt
from opsctl.core.runs.status import BatchJob, RunStatus

#: Reason of an attempt that did not record its end and of which Batch reports none.
_LOST = Reason(CauseCode.INSTANCE_LOST, "lost: it ended without a word")


def merge_attempts(attempts: Iterable[Attempt], jobs: Mapping[int, BatchJob]) -> list[Attempt]:
    """Complete the runners' records from Batch's, and add the attempts that left no record.

    What a runner recorded takes precedence.

    Parameters
    ----------
    attempts
        The runners' records, in any order.
    jobs
        Batch's jobs by scan index, as far as Batch was asked.

    Returns
    -------
    list of Attempt
        Ordered by scan index, job id and number, each attempt once.
    """
    merged = {(attempt.index, attempt.job_id, attempt.number): attempt for attempt in attempts}
    for index, job in jobs.items():
        for reported in job.attempts:
            key = (index, reported.job_id, reported.number)
            # Batch counts within an array job; a run's indices continue through several arrays.
            recorded = merged.get(key, Attempt(index=index, number=reported.number, job_id=reported.job_id))
            merged[key] = _completed(recorded, reported)
    return [merged[key] for key in sorted(merged)]


def attempts_by_scan(attempts: Iterable[Attempt], jobs: Mapping[int, BatchJob]) -> dict[int, tuple[Attempt, ...]]:
    """Group the merged attempts by scan index, oldest first; see `merge_attempts` for the parameters."""
    by_scan: dict[int, list[Attempt]] = defaultdict(list)
    for attempt in merge_attempts(attempts, jobs):
        by_scan[attempt.index].append(attempt)
    return {index: tuple(sorted(own_attempts, key=_by_time)) for index, own_attempts in by_scan.items()}


def with_retries(status: RunStatus, attempts: Mapping[int, Sequence[Attempt]]) -> RunStatus:
    """Add to each scan its latest attempt and why the earlier ones ended."""
    scans = []
    for scan in status.scans:
        own_attempts = _of_one_job(attempts.get(scan.index, ()))
        latest = max([scan.attempt, *(attempt.number for attempt in own_attempts)])
        reasons = tuple(
            attempt.cause if attempt.reason else _LOST for attempt in own_attempts if attempt.number < latest
        )
        scans.append(replace(scan, attempt=latest, retried=reasons))
    return replace(status, scans=tuple(scans))


def _of_one_job(attempts: Sequence[Attempt]) -> list[Attempt]:
    """The attempts of the job with the most attempts: a scan may have two jobs, and each counts from 1."""
    if not attempts:
        return []
    furthest = max(attempts, key=lambda attempt: attempt.number)
    return [attempt for attempt in attempts if attempt.job_id == furthest.job_id]


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
        log_stream=recorded.log_stream or reported.log_stream,
    )


def _reason(recorded: Attempt, reported: Attempt, exit_code: int | None) -> Reason:
    """Why an attempt ended: as its runner recorded it, completed by Batch's word, or else as Batch reports it."""
    from_batch = batch_reason(reported.reason, exit_code=exit_code)
    return recorded.cause.completed(from_batch) if recorded.reason else from_batch


def _by_time(attempt: Attempt) -> tuple[str, int]:
    return (attempt.started_at or attempt.stopped_at or "", attempt.number)
