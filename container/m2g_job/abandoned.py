"""Abandoned submissions: opsctl has given one up, so its jobs, should they run after all, write no outputs."""

from __future__ import annotations

from m2g_job.environment import Environment
from m2g_job.faults import Abandoned
from m2g_job.s3 import S3


def check(s3: S3, environment: Environment) -> None:
    """Raise `Abandoned` where the submission that this job belongs to was given up; reads S3.

    The mark is named after the submission's offset, not after the scan: it stands for all of the submission's jobs.
    """
    uri = f"{environment.run_uri}/abandoned/{environment.offset:05d}.json"
    if s3.read(uri) is not None:
        raise Abandoned(uri)
