"""The ways in which a job fails, each with the exit code that Batch's retry rules read."""

from __future__ import annotations


class Fault(Exception):
    """The end of a job, with its cause as a sentence for people; `exit_code` is the process's."""

    exit_code = 1


class ScanFailed(Fault):
    """m2g failed or left no connectome: another run would cost the same and fail the same way."""

    exit_code = 1


class WrongInput(Fault):
    """The scan's JSON or its inputs are wrong: no attempt can succeed."""

    exit_code = 2


class PassingFault(Fault):
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
        super().__init__("another job published this scan")
        self.result = result


class Abandoned(Exception):
    """opsctl has given up this job's submission: the job must write neither outputs nor a result."""


class HeldByAnotherJob(Exception):
    """Another job holds the claim on this scan, and this one must not publish."""
