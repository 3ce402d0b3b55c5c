"""The ways in which a job fails, each with the exit code that Batch's retry rules read."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass, field
from typing import Mapping, Union

from m2g_job import causes

#: A fact that a cause is made of: a short text or a whole number.
Fact = Union[str, int]


@dataclass(frozen=True)
class Ending:
    """How an attempt ends, as its record and the scan's result say it.

    Attributes
    ----------
    exit_code
        The process's.
    cause
        Why it failed, or why it wrote nothing, as a sentence for people; "" for this job's own success.
    cause_code
        The same for programs, from `causes`; "" for this job's own success.
    facts
        The few facts that the cause is made of, by name: `file`, `signal`, `exit_code`, `peak_memory_mib`, …
    """

    exit_code: int
    cause: str = ""
    cause_code: str = ""
    facts: Mapping[str, Fact] = field(default_factory=dict)


class Fault(Exception):
    """The end of a job; `exit_code` is the process's.

    Parameters
    ----------
    cause, cause_code, facts
        As in `Ending`.
    """

    exit_code = 1

    def __init__(self, cause: str, cause_code: str, **facts: Fact) -> None:
        super().__init__(cause)
        self.cause_code = cause_code
        self.facts = facts

    @property
    def ending(self) -> Ending:
        """The end of a job that fails with this fault."""
        return Ending(self.exit_code, str(self), self.cause_code, self.facts)


class ScanFailed(Fault):
    """m2g failed or left no connectome: another run would cost the same and fail the same way."""

    exit_code = 1


class WrongInput(Fault):
    """The scan's JSON or its inputs are wrong: no attempt can succeed."""

    exit_code = 2


class TransientFault(Fault):
    """S3 or the network did not answer: the job definition retries exit code 75 (EX_TEMPFAIL)."""

    exit_code = 75


class Stopped(Fault):
    """A signal asked the job to end.

    143 is 128 + SIGTERM, the exit code of a process that SIGTERM ended. It is not 75, because a cancelled job and a job
    past its timeout must not be retried. A Spot reclaim is retried by its status reason (`Host EC2*`), whatever the
    exit code is.
    """

    exit_code = 143


class S3Refused(Fault):
    """S3 refused the request (missing, denied, …): repeating it changes nothing."""


class S3Missing(S3Refused):
    """There is no such object."""


class ConditionFailed(Exception):
    """The condition of a write did not hold, because of another writer's object; nothing was written."""


class ConditionsUnsupported(Exception):
    """S3 has no conditional writes here (501 NotImplemented); nothing was written."""


class AlreadyPublished(Exception):
    """A succeeded result of this scan exists: this job's is not needed.

    Parameters
    ----------
    result
        The existing result.
    """

    def __init__(self, result: dict) -> None:
        self.result = result
        self._job_id = str(result.get("job_id") or "without an id")
        self._attempt = result.get("attempt") or 0
        super().__init__(
            f"job {self._job_id} (attempt {self._attempt}) has published this scan's result; this job writes nothing"
        )

    @property
    def ending(self) -> Ending:
        """The end of this job: the scan is done, whoever did it."""
        return Ending(0, str(self), causes.ALREADY_PUBLISHED, {"job_id": self._job_id, "attempt": self._attempt})


class Abandoned(Exception):
    """opsctl has given up this job's submission: the job must write neither outputs nor a result.

    Parameters
    ----------
    mark
        The URI of the object that says so.
    """

    def __init__(self, mark: str) -> None:
        super().__init__(f"opsctl has given this submission up ({mark})")
        self._mark = mark

    @property
    def ending(self) -> Ending:
        """The end of this job: no attempt can succeed."""
        return Ending(WrongInput.exit_code, str(self), causes.SUBMISSION_ABANDONED, {"file": self._mark})


class HeldByAnotherJob(Exception):
    """Another job holds the claim on this scan, and this one must not publish."""


def local_file_fault(error: OSError) -> ScanFailed:
    """The fault of a job that cannot write its own files."""
    file = os.fsdecode(error.filename) if isinstance(error.filename, (str, bytes)) else ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        cause = f"the disk is full: {error}; give the platform a larger root volume"
        return ScanFailed(cause, causes.DISK_FULL, file=file)
    return ScanFailed(f"the job's own files cannot be written: {error}", causes.JOB_FILE_ERROR, file=file)
