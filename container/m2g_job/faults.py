"""How a job can end other than well, each with the exit code that Batch's retry rules read."""

from __future__ import annotations


class Fault(Exception):
    """A job's end with a cause in words for a person; `exit_code` is the process's."""

    exit_code = 1


class ScanFailed(Fault):
    """m2g failed or left no connectome: running it again would cost the same and end the same."""

    exit_code = 1


class WrongInput(Fault):
    """The scan's JSON or its inputs are wrong: no attempt can succeed."""

    exit_code = 2


class PassingFault(Fault):
    """S3 or the network did not answer: the job definition retries exit code 75 (EX_TEMPFAIL)."""

    exit_code = 75


class Stopped(Fault):
    """A signal asked the job to end.

    143 is 128 + SIGTERM, the exit code of a process that SIGTERM ended. Deliberately not 75: a cancelled job or one
    past its timeout must not come back, and a Spot reclaim is retried by its status reason (`Host EC2*`) whatever
    the exit code is.
    """

    exit_code = 143


class S3Refused(Fault):
    """S3 answered, and the answer is no (missing, denied, …): asking again changes nothing."""


class S3Missing(S3Refused):
    """There is no such object."""


class ConditionFailed(Exception):
    """A conditional write found another writer's object; nothing was written."""


class ConditionsUnsupported(Exception):
    """The S3 here does not know conditional writes (501 NotImplemented); nothing was written."""


class AlreadyPublished(Exception):
    """Another job's succeeded result stands: this job's is not needed.

    Parameters
    ----------
    result
        The result that stands.
    """

    def __init__(self, result: dict) -> None:
        super().__init__("another job published this scan")
        self.result = result


class Abandoned(Exception):
    """opsctl has given up the submission that this job is of: it must write neither outputs nor a result."""


class Outrun(Exception):
    """Another job holds the claim on this scan, and this one must not publish."""
