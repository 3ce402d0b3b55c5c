"""AWS Batch's job calls (submit, describe, list, cancel, terminate) over moto's queues and definitions.

moto keeps the compute environments, queues and definitions, but only imitates the states of jobs: each of its jobs is
a thread, and an array of 10,000 would be 10,000 threads. Jobs are `opsctl.local.batch.scheduler`'s instead.
Dependencies, multi-node and EKS jobs are refused rather than ignored.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

import moto.batch.urls as urls
from moto.batch.exceptions import ClientException
from moto.batch.models import BatchBackend

from opsctl.local.batch import describe
from opsctl.local.batch.definitions import DefinitionRules, check_retry_strategy
from opsctl.local.batch.environments import EnvironmentRules
from opsctl.local.batch.job import Job, JobRequest, Status
from opsctl.local.batch.scheduler import Scheduler
from opsctl.local.batch.time_limits import TimeLimits

_JOB_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")
_PAYLOAD_BYTES = 30 * 1024


class BatchResponse(TimeLimits, EnvironmentRules, DefinitionRules):
    """The HTTP side. One scheduler serves all regions and accounts."""

    __module__ = "moto.batch.responses"
    scheduler: ClassVar[Scheduler]

    def submitjob(self) -> str:
        """Answer SubmitJob."""
        if len(self.body.encode()) > _PAYLOAD_BYTES:
            raise ClientException(f"The request is larger than {_PAYLOAD_BYTES} bytes.")
        request = json.loads(self.body)
        job_request = _job_request(self.batch_backend, request)
        size = (request.get("arrayProperties") or {}).get("size")
        if size is not None and not 2 <= size <= 10_000:
            raise ClientException("Array size must be between 2 and 10000.")
        job = self.scheduler.submit(job_request, array_size=size)
        summary = describe.summary(job)
        if job_request.tags:
            self.batch_backend.tag_resource(summary["jobArn"], dict(job_request.tags))
        return json.dumps({name: summary[name] for name in ("jobArn", "jobName", "jobId")})

    def describejobs(self) -> str:
        """Answer DescribeJobs: the jobs that exist, in the order of the ids."""
        ids = json.loads(self.body).get("jobs")
        if not ids or len(ids) > 100:
            raise ClientException("Between 1 and 100 job ids must be given.")
        with self.scheduler.lock:
            jobs = [describe.detail(job) for job_id in ids if (job := self.scheduler.find(job_id)) is not None]
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
            matching = _filtered(jobs, filters[0]) if filters else (job for job in jobs if job.status == status)
            page, token = _page(matching, request, page_limit=100 if filters else 1000)
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
        """Answer DeleteJobQueue: the queue must be disabled; its jobs are terminated."""
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
            # AWS answers a call for an unknown job with success.
            if job is not None:
                end(job, reason=reason)
        return "{}"


def _job_request(backend: BatchBackend, request: Mapping[str, Any]) -> JobRequest:
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
    check_retry_strategy(retry)
    overrides = request.get("containerOverrides") or {}
    if any(entry["name"].startswith("AWS_BATCH") for entry in overrides.get("environment") or ()):
        raise ClientException("Environment variables cannot start with AWS_BATCH: the names are reserved.")
    return JobRequest(
        name=request["jobName"],
        definition=definition,
        queue=queue,
        container=_with_overrides(definition.container_properties, overrides),
        attempts=retry.get("attempts", 1),
        retry_rules=tuple(retry.get("evaluateOnExit") or ()),
        timeout_seconds=(request.get("timeout") or definition.timeout or {}).get("attemptDurationSeconds"),
        parameters={**definition.parameters, **(request.get("parameters") or {})},
        tags=request.get("tags") or {},
    )


def _definition(backend: BatchBackend, identifier: str) -> Any:
    name, _, revision = identifier.rpartition("job-definition/")[2].partition(":")
    definitions = backend.get_job_definitions(name)
    revisions = [known for known in definitions if not revision or str(known.revision) == revision]
    active = [known for known in revisions if known.status == "ACTIVE"]
    if not active:
        raise ClientException(f"Job definition {identifier} {'is not active' if revisions else 'does not exist'}")
    return max(active, key=lambda known: known.revision)


def _with_overrides(properties: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    container = {**properties, **overrides}
    for name, key in (("environment", "name"), ("resourceRequirements", "type")):
        entries = {entry[key]: entry for source in (properties, overrides) for entry in source.get(name) or ()}
        container[name] = list(entries.values())
    return container


def _filtered(jobs: Iterable[Job], job_filter: Mapping[str, Any]) -> Iterable[Job]:
    matches = _FILTERS[job_filter["name"]]
    return (job for job in jobs if any(matches(job, value) for value in job_filter["values"]))


def _matches_pattern(text: str, pattern: str) -> bool:
    return text.startswith(pattern[:-1]) if pattern.endswith("*") else text == pattern


_FILTERS: Mapping[str, Callable[[Job, str], bool]] = {
    "JOB_NAME": lambda job, value: _matches_pattern(job.request.name.lower(), value.lower()),
    "JOB_DEFINITION": lambda job, value: (
        job.request.definition.arn == value or _matches_pattern(job.request.definition.name, value)
    ),
    "BEFORE_CREATED_AT": lambda job, value: job.request.created_at < int(value),
    "AFTER_CREATED_AT": lambda job, value: job.request.created_at > int(value),
}


def _page(jobs: Iterable[Job], request: Mapping[str, Any], *, page_limit: int) -> tuple[list[Job], str | None]:
    size = min(request.get("maxResults") or page_limit, page_limit)
    token = request.get("nextToken")
    if token is not None and not token.isdigit():
        raise ClientException("Invalid nextToken")
    page: list[Job] = []
    # The token is a job's number: a position in the list would shift when states change between two pages.
    for job in jobs:
        if token is not None and (job.number <= int(token) if job.parent is not None else job.number >= int(token)):
            continue
        if len(page) == size:
            return page, str(page[-1].number)
        page.append(job)
    return page, None


def install(scheduler: Scheduler) -> None:
    """Replace moto's job calls by these. To be called before moto's application is created."""
    BatchResponse.scheduler = scheduler
    for path in urls.url_paths:
        urls.url_paths[path] = BatchResponse.dispatch
    for action in ("terminatejobs", "canceljobs"):
        urls.url_paths[f"{{0}}/v1/{action}$"] = BatchResponse.dispatch
