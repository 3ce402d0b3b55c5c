"""A job queue's time limits (`jobStateTimeLimitActions`): stored and described, which moto does not do.

They have no effect: on this machine every RUNNABLE job starts sooner or later.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from moto.batch.exceptions import ClientException
from moto.batch.responses import BatchResponse

_REASONS = {
    "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY",
    "MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE",
    "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT",
}
_LEAST_SECONDS, _MOST_SECONDS = 600, 86_400
_FIELD = "jobStateTimeLimitActions"


class TimeLimits(BatchResponse):
    """The queue calls of AWS Batch, with time limits."""

    __module__ = "moto.batch.responses"

    def createjobqueue(self) -> str:
        """Answer CreateJobQueue."""
        return self._store_limits(super().createjobqueue)

    def updatejobqueue(self) -> str:
        """Answer UpdateJobQueue: without `jobStateTimeLimitActions` the limits stay."""
        return self._store_limits(super().updatejobqueue)

    def describejobqueues(self) -> str:
        """Answer DescribeJobQueues."""
        answer = json.loads(super().describejobqueues())
        for queue in answer["jobQueues"]:
            queue[_FIELD] = getattr(self.batch_backend.get_job_queue(queue["jobQueueArn"]), "time_limits", [])
        return json.dumps(answer)

    def _store_limits(self, super_method: Callable[[], str]) -> str:
        limits = json.loads(self.body).get(_FIELD)
        for limit in limits or ():
            _check(limit)
        answer = super_method()
        if limits is not None:
            queue: Any = self.batch_backend.get_job_queue(json.loads(answer)["jobQueueArn"])
            queue.time_limits = limits
        return answer


def _check(limit: dict[str, Any]) -> None:
    if limit["reason"] not in _REASONS or limit["state"] != "RUNNABLE" or limit["action"] != "CANCEL":
        raise ClientException(f"jobStateTimeLimitActions: {json.dumps(limit)} is not supported.")
    if not _LEAST_SECONDS <= limit["maxTimeSeconds"] <= _MOST_SECONDS:
        raise ClientException(f"maxTimeSeconds must be between {_LEAST_SECONDS} and {_MOST_SECONDS}.")
