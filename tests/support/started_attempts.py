"""Attempts that a test starts itself, as the server does, with nothing of AWS behind them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from opsctl.local.batch.job import Job, JobAttempt, JobRequest
from opsctl.local.rights.attempt_rights import RightsOfAttempts
from opsctl.local.rights.instance_metadata import InstanceMetadata
from opsctl.local.rights.sessions import Sessions

_ACCOUNT = "us-east-1:123456789012"


def rights() -> RightsOfAttempts:
    """The rights of attempts on a server that has no other."""
    sessions = Sessions()
    return RightsOfAttempts(sessions, InstanceMetadata(sessions))


def attempt(container: dict[str, Any]) -> tuple[Job, JobAttempt]:
    """A job of a definition with these container properties, and its first attempt."""
    resources = {"instanceTypes": ["r5.large"], "instanceRole": "profile"}
    environment = SimpleNamespace(name="env", compute_resources=resources)
    queue = SimpleNamespace(name="q", arn=f"arn:aws:batch:{_ACCOUNT}:job-queue/q", environments=[environment])
    job = Job("0b5c", JobRequest("job", definition=None, queue=queue, container=container), number=0)
    return job, JobAttempt(number=1, task_arn=f"arn:aws:ecs:{_ACCOUNT}:task/q/t")
