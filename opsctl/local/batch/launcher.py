"""Starts an attempt with its log stream, as ECS starts a task."""

from __future__ import annotations

from collections.abc import Callable

from moto.logs.exceptions import ResourceNotFoundException

from opsctl.local.batch.job import Job, JobAttempt
from opsctl.local.batch.scheduler import CannotStart, Running
from opsctl.local.logs import JobLog

_DEFAULT_GROUP = "/aws/batch/job"


class JobLauncher:
    """Creates each attempt's log stream, then calls `start_attempt`, which starts a process or a container."""

    def __init__(self, start_attempt: Callable[[Job, JobAttempt, JobLog | None], Running]) -> None:
        self._start_attempt = start_attempt

    def start(self, job: Job, attempt: JobAttempt) -> Running:
        """Start the attempt; raises CannotStart if its log group does not exist, as on AWS."""
        configuration = job.request.container.get("logConfiguration") or {"logDriver": "awslogs"}
        log = None
        if configuration["logDriver"] == "awslogs":
            options = configuration.get("options") or {}
            group = options.get("awslogs-group", _DEFAULT_GROUP)
            prefix = options.get("awslogs-stream-prefix", job.request.definition.name)
            stream = f"{prefix}/default/{attempt.task_arn.rpartition('/')[2]}"
            backend = job.request.definition.backend.logs_backend
            if group == _DEFAULT_GROUP or options.get("awslogs-create-group") == "true":
                backend.ensure_log_group(group)
            try:
                log = JobLog(backend, group, stream)
            except ResourceNotFoundException:
                raise CannotStart(
                    "CannotStartContainerError: Error response from daemon: failed to initialize logging driver: failed"
                    f" to create Cloudwatch log stream: ResourceNotFoundException: no log group {group}"
                ) from None
            attempt.log_stream = stream
        return self._start_attempt(job, attempt, log)
