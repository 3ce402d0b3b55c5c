"""Calls SubmitJob, which has no idempotency token, so that no job is lost and none is submitted twice.

A job whose reply was lost is looked up by its exact name. ListJobs may be stale, so in the end a job is submitted at
least once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from opsctl.aws.batch.batch import Batch, Throttled, Unanswered
from opsctl.core.errors import ErrorCode, Problem

_TRIES = 10
_LONGEST_PAUSE_SECONDS = 20.0
#: Pauses before each look-up of a job's name: ListJobs may lag behind.
_LOOK_UP_PAUSES_SECONDS = (0.2, 0.8, 2.0)


def submit_once(
    batch: Batch,
    request: Mapping[str, Any],
    *,
    sleep: Callable[[float], None],
    ensure_allowed: Callable[[], None] = lambda: None,
) -> str:
    """Submit a job whose name no other job has; return Batch's id of it.

    Parameters
    ----------
    request
        The parameters of SubmitJob.
    ensure_allowed
        Called before each call; an exception that it raises ends the submission.

    Raises
    ------
    Problem
        When Batch refuses or does not answer.
    """
    pause = 1.0
    for _ in range(_TRIES):
        ensure_allowed()
        try:
            return batch.submit(request)
        except Throttled:
            # Batch has not accepted the call, so there is no job to look up.
            sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
        except Unanswered:
            job_id = find_submitted(batch, request["jobQueue"], request["jobName"], sleep=sleep)
            if job_id:
                return job_id
    raise Problem(
        "AWS Batch takes no submission at the moment.",
        "Type it again in a few minutes: it goes on.",
        code=ErrorCode.AWS_THROTTLED,
    )


def find_submitted(
    batch: Batch, job_queue: str, job_name: str, *, sleep: Callable[[float], None], run_uri: str | None = None
) -> str:
    """Look a job up by its exact name, and end its duplicates; empty where Batch has none.

    Parameters
    ----------
    run_uri
        See `Batch.find`.
    """
    for pause in _LOOK_UP_PAUSES_SECONDS:
        sleep(pause)
        job_ids = batch.find(job_queue, job_name, run_uri=run_uri)
        if job_ids:
            for duplicate_id in job_ids[1:]:
                batch.terminate(duplicate_id, reason="opsctl: submitted twice")
            return job_ids[0]
    return ""
