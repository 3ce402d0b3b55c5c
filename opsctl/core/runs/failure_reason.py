"""Why a scan failed: by its job's result, completed by what Batch says, or else by Batch alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opsctl.core.diagnosis.aws_messages import code_of_message
from opsctl.core.diagnosis.cause_code import CauseCode
from opsctl.core.diagnosis.reason import Reason, batch_reason
from opsctl.core.runs.result import Result

if TYPE_CHECKING:
    from opsctl.core.runs.status import BatchJob


def failure_reason(result: Result | None, job: BatchJob | None) -> Reason:
    """Why a scan failed.

    Parameters
    ----------
    result
        Of its last attempt; None where that left none.
    job
        None where Batch was not asked or has forgotten it.
    """
    if job is not None and job.cancelled_by is not None:
        # The job's own result says only that it was stopped, not by whom.
        return Reason(CauseCode.CANCELLED, f"cancelled by {job.cancelled_by}", {"user": job.cancelled_by})
    if result is not None:
        return _recorded(result).completed(*_reported(job, attempt=result.attempt))
    if job is None:
        return Reason(CauseCode.JOB_FORGOTTEN, "there is no result, and the job is no longer known")
    if job.status == "SUCCEEDED":
        return Reason(CauseCode.NO_RESULT, "the job ended well but left no result")
    exit_code = f"exit code {job.exit_code}" if job.exit_code is not None else ""
    message = ": ".join(part for part in (exit_code, job.reason) if part) or "failed without a reason"
    return Reason(code_of_message(job.reason, exit_code=job.exit_code), message)


def _recorded(result: Result) -> Reason:
    if result.cause:
        return Reason(result.cause_code or CauseCode.UNKNOWN, result.cause, result.facts)
    return Reason(code_of_message("", exit_code=result.exit_code), f"exit code {result.exit_code}")


def _reported(job: BatchJob | None, *, attempt: int) -> list[Reason]:
    """What Batch says of the job and of one of its attempts."""
    if job is None:
        return []
    messages = [job.reason, *(ended.reason for ended in job.attempts if ended.number == attempt)]
    return [batch_reason(message) for message in messages]
