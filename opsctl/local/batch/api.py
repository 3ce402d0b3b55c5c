"""AWS Batch's job calls (submit, describe, list, cancel, terminate) over moto's queues and definitions.

moto keeps the compute environments, queues and definitions, but only imitates the states of jobs. Everything about
jobs is ours (`opsctl.local.batch.queue`). moto's own Job class is not used: each one is a thread, and an array
of 10,000 would be 10,000 threads. Dependencies, multi-node and EKS jobs are refused rather than ignored.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

import moto.batch.urls as urls
from moto.batch.exceptions import ClientException
from moto.batch.models import BatchBackend
from moto.logs.exceptions import ResourceNotFoundException

from opsctl.local.batch import describe
from opsctl.local.batch.environments import EnvironmentRules
from opsctl.local.batch.job import Job, JobAttempt, JobRequest, Status
from opsctl.local.batch.queue import CannotStart, Running, Scheduler
from opsctl.local.batch.time_limits import TimeLimits
from opsctl.local.logs import JobLog

_JOB_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")
_DEFAULT_GROUP = "/aws/batch/job"
_PAYLOAD_BYTES = 30 * 1024


class JobLauncher:
    """Gives each attempt its log stream and starts it, as a process or in a container: `begin` knows."""

    def __init__(self, begin: Callable[[Job, JobAttempt, JobLog | None], Running]) -> None:
        self._begin = begin

    def start(self, job: Job, attempt: JobAttempt) -> Running:
        """Start the attempt; without its log group a container does not start on AWS, and so neither here."""
        configuration = job.submission.container.get("logConfiguration") or {"logDriver": "awslogs"}
        log = None
        if configuration["logDriver"] == "awslogs":
            options = configuration.get("options") or {}
            group = options.get("awslogs-group", _DEFAULT_GROUP)
            prefix = options.get("awslogs-stream-prefix", job.submission.definition.name)
            stream = f"{prefix}/default/{attempt.task_arn.rpartition('/')[2]}"
            backend = job.submission.definition.backend.logs_backend
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
        return self._begin(job, attempt, log)


class BatchResponse(TimeLimits, EnvironmentRules):
    """The HTTP side. One scheduler serves all regions and accounts: there is only this machine."""

    __module__ = "moto.batch.responses"
    scheduler: ClassVar[Scheduler]

    def submitjob(self) -> str:
        """Answer SubmitJob."""
        if len(self.body.encode()) > _PAYLOAD_BYTES:
            raise ClientException(f"The request is larger than {_PAYLOAD_BYTES} bytes.")
        request = json.loads(self.body)
        submission = _submission(self.batch_backend, request)
        size = (request.get("arrayProperties") or {}).get("size")
        if size is not None and not 2 <= size <= 10_000:
            raise ClientException("Array size must be between 2 and 10000.")
        job = self.scheduler.submit(submission, array_size=size)
        facts = describe.summary(job)
        if submission.tags:
            self.batch_backend.tag_resource(facts["jobArn"], dict(submission.tags))
        return json.dumps({name: facts[name] for name in ("jobArn", "jobName", "jobId")})

    def describejobs(self) -> str:
        """Answer DescribeJobs: those of the ids that exist, in their order."""
        ids = json.loads(self.body).get("jobs")
        if not ids or len(ids) > 100:
            raise ClientException("Between 1 and 100 job ids must be given.")
        with self.scheduler.lock:
            jobs = [describe.detail(job) for one in ids if (job := self.scheduler.find(one)) is not None]
        return json.dumps({"jobs": jobs})

    def listjobs(self) -> str:
        """Answer ListJobs: a queue's jobs, the newest first, or an array's children by index."""
        request = json.loads(self.body)
        queue_name, parent_id = request.get("jobQueue"), request.get("arrayJobId")
        if (queue_name is None) == (parent_id is None):
            raise ClientException("Exactly one of jobQueue and arrayJobId must be given.")
        status, filters = request.get("jobStatus") or Status.RUNNING, request.get("filters")
        if status not in list(Status):
            raise ClientException(f"jobStatus {status} must be one of {' | '.join(Status)}")
        if filters is not None and (len(filters) != 1 or filters[0]["name"] not in _FILTERS):
            raise ClientException(f"One filter can be used at a time, and it is one of {', '.join(_FILTERS)}.")
        with self.scheduler.lock:
            if parent_id is not None:
                parent = self.scheduler.find(parent_id)
                jobs: Iterable[Job] = parent.children if parent is not None else ()
                filters = None
            else:
                queue = self.batch_backend.get_job_queue(queue_name)
                if queue is None:
                    raise ClientException(f"Job queue {queue_name} does not exist")
                jobs = self.scheduler.jobs(queue.arn)
            found = _filtered(jobs, filters[0]) if filters else (job for job in jobs if job.status == status)
            page, token = _page(found, request, most=100 if filters else 1000)
            answer: dict[str, Any] = {"jobSummaryList": [describe.summary(job) for job in page]}
        return json.dumps(answer | ({"nextToken": token} if token else {}))

    def terminatejob(self) -> str:
        """Answer TerminateJob."""
        return self._end([json.loads(self.body).get("jobId")], self.scheduler.terminate)

    def canceljob(self) -> str:
        """Answer CancelJob."""
        return self._end([json.loads(self.body).get("jobId")], self.scheduler.cancel)

    def terminatejobs(self) -> str:
        """Answer TerminateJobs, the bulk form."""
        return self._end_many(self.scheduler.terminate)

    def canceljobs(self) -> str:
        """Answer CancelJobs, the bulk form."""
        return self._end_many(self.scheduler.cancel)

    def deletejobqueue(self) -> str:
        """Answer DeleteJobQueue: only a disabled queue, and its jobs end with it."""
        queue = self.batch_backend.get_job_queue(json.loads(self.body)["jobQueue"])
        if queue is not None:
            if queue.state != "DISABLED":
                raise ClientException(f"Cannot delete, job queue {queue.name} must be disabled first.")
            for job in self.scheduler.jobs(queue.arn):
                self.scheduler.terminate(job, reason="Job queue was deleted")
        return super().deletejobqueue()

    def _end_many(self, end: Callable[..., None]) -> str:
        ids = json.loads(self.body).get("jobs")
        if not ids or len(ids) > 50:
            raise ClientException("Between 1 and 50 job ids must be given.")
        self._end(ids, end)
        return json.dumps({"successful": ids, "errors": []})

    def _end(self, ids: Iterable[str | None], end: Callable[..., None]) -> str:
        reason = json.loads(self.body).get("reason")
        for job_id in ids:
            if not job_id or not reason:
                raise ClientException("A job id and a reason must be given.")
            job = self.scheduler.find(job_id)
            # AWS answers a call for an unknown job as if it had ended it.
            if job is not None:
                end(job, reason=reason)
        return "{}"


def _submission(backend: BatchBackend, request: Mapping[str, Any]) -> JobRequest:
    if not _JOB_NAME.fullmatch(request["jobName"]):
        raise ClientException("Job name should match valid pattern: letters, digits, - and _, at most 128.")
    queue = backend.get_job_queue(request["jobQueue"])
    if queue is None:
        raise ClientException(f"Job queue {request['jobQueue']} does not exist")
    if queue.state != "ENABLED":
        raise ClientException(f"Job queue {queue.name} is not enabled")
    definition = _definition(backend, request["jobDefinition"])
    if definition.type != "container" or definition.container_properties is None or request.get("dependsOn"):
        raise ClientException("The local platform runs container jobs without dependencies only.")
    retry = request.get("retryStrategy") or definition.retry_strategy or {}
    rules = retry.get("evaluateOnExit") or ()
    if not 1 <= retry.get("attempts", 1) <= 10 or len(rules) > 5:
        raise ClientException("A retry strategy has 1 to 10 attempts and at most 5 evaluateOnExit rules.")
    overrides = request.get("containerOverrides") or {}
    if any(entry["name"].startswith("AWS_BATCH") for entry in overrides.get("environment") or ()):
        raise ClientException("Environment variables cannot start with AWS_BATCH: the names are reserved.")
    return JobRequest(
        name=request["jobName"],
        definition=definition,
        queue=queue,
        container=_overridden(definition.container_properties, overrides),
        attempts=retry.get("attempts", 1),
        retry_rules=tuple(rules),
        timeout_seconds=(request.get("timeout") or definition.timeout or {}).get("attemptDurationSeconds"),
        parameters={**definition.parameters, **(request.get("parameters") or {})},
        tags=request.get("tags") or {},
    )


def _definition(backend: BatchBackend, identifier: str) -> Any:
    name, _, revision = identifier.rpartition("job-definition/")[2].partition(":")
    revisions = [one for one in backend.get_job_definitions(name) if not revision or str(one.revision) == revision]
    active = [one for one in revisions if one.status == "ACTIVE"]
    if not active:
        raise ClientException(f"Job definition {identifier} {'is not active' if revisions else 'does not exist'}")
    return max(active, key=lambda one: one.revision)


def _overridden(properties: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    container = {**properties, **overrides}
    for name, key in (("environment", "name"), ("resourceRequirements", "type")):
        entries = {entry[key]: entry for source in (properties, overrides) for entry in source.get(name) or ()}
        container[name] = list(entries.values())
    return container


def _filtered(jobs: Iterable[Job], wanted: Mapping[str, Any]) -> Iterable[Job]:
    holds = _FILTERS[wanted["name"]]
    return (job for job in jobs if any(holds(job, value) for value in wanted["values"]))


def _like(text: str, pattern: str) -> bool:
    return text.startswith(pattern[:-1]) if pattern.endswith("*") else text == pattern


_FILTERS: Mapping[str, Callable[[Job, str], bool]] = {
    "JOB_NAME": lambda job, value: _like(job.submission.name.lower(), value.lower()),
    "JOB_DEFINITION": lambda job, value: (
        job.submission.definition.arn == value or _like(job.submission.definition.name, value)
    ),
    "BEFORE_CREATED_AT": lambda job, value: job.submission.created_at < int(value),
    "AFTER_CREATED_AT": lambda job, value: job.submission.created_at > int(value),
}


def _page(jobs: Iterable[Job], request: Mapping[str, Any], *, most: int) -> tuple[list[Job], str | None]:
    size = min(request.get("maxResults") or most, most)
    token = request.get("nextToken")
    if token is not None and not token.isdigit():
        raise ClientException("Invalid nextToken")
    page: list[Job] = []
    # A number stays with its job whatever changes between two pages; a position in a list by status would not.
    for job in jobs:
        if token is not None and (job.number <= int(token) if job.parent is not None else job.number >= int(token)):
            continue
        if len(page) == size:
            return page, str(page[-1].number)
        page.append(job)
    return page, None


def install(scheduler: Scheduler) -> None:
    """Put the job calls in the place of moto's. Before moto's server is made."""
    BatchResponse.scheduler = scheduler
    for path in urls.url_paths:
        urls.url_paths[path] = BatchResponse.dispatch
    for action in ("terminatejobs", "canceljobs"):
        urls.url_paths[f"{{0}}/v1/{action}$"] = BatchResponse.dispatch
