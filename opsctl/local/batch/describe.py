"""A job as AWS Batch's DescribeJobs and ListJobs show it."""

from __future__ import annotations

from typing import Any

from opsctl.local.batch.job import Job, JobAttempt, Status


def summary(job: Job) -> dict[str, Any]:
    """Return the job as an entry of ListJobs."""
    entry: dict[str, Any] = {
        "jobId": job.job_id,
        "jobArn": _arn(job),
        "jobName": job.request.name,
        "createdAt": job.request.created_at,
        "status": job.status.value,
        "jobDefinition": job.request.definition.arn,
    }
    for name, value in (
        ("statusReason", job.status_reason),
        ("startedAt", job.started_at),
        ("stoppedAt", job.stopped_at),
        ("isCancelled", job.cancelled or None),
        ("isTerminated", job.terminated or None),
    ):
        if value is not None:
            entry[name] = value
    container = _exit(job.attempts[-1]) if job.attempts else {}
    if container:
        entry["container"] = container
    if job.is_parent:
        entry["arrayProperties"] = {
            "size": len(job.children),
            "statusSummary": {status.value: job.counts[status] for status in Status},
            "statusSummaryLastUpdatedAt": job.counts_at,
        }
    elif job.index is not None:
        entry["arrayProperties"] = {"index": job.index}
    return entry


def detail(job: Job) -> dict[str, Any]:
    """Return the job as an entry of DescribeJobs."""
    request = job.request
    entry = summary(job)
    container: dict[str, Any] = {**request.container, "networkInterfaces": []}
    if job.attempts:
        container |= _task(job.attempts[-1]) | _exit(job.attempts[-1])
    entry |= {
        "jobQueue": request.queue.arn,
        "container": container,
        "attempts": [_attempt(attempt) for attempt in job.attempts if attempt.outcome is not None],
        "retryStrategy": {"attempts": request.attempts, "evaluateOnExit": list(request.retry_rules)},
        "dependsOn": [],
        "parameters": dict(request.parameters),
        "tags": dict(request.tags),
        "platformCapabilities": request.definition.platform_capabilities or ["EC2"],
    }
    if request.timeout_seconds is not None:
        entry["timeout"] = {"attemptDurationSeconds": request.timeout_seconds}
    return entry


def _arn(job: Job) -> str:
    # The queue's ARN is arn:aws:batch:REGION:ACCOUNT:job-queue/NAME; the job's differs in the last part only.
    return f"{job.request.queue.arn.rpartition(':')[0]}:job/{job.job_id}"


def _task(attempt: JobAttempt) -> dict[str, Any]:
    stream = {"logStreamName": attempt.log_stream} if attempt.log_stream is not None else {}
    return {"taskArn": attempt.task_arn, **stream}


def _exit(attempt: JobAttempt) -> dict[str, Any]:
    container: dict[str, Any] = {}
    if attempt.outcome is not None and attempt.outcome.exit_code is not None:
        container["exitCode"] = attempt.outcome.exit_code
    if attempt.outcome is not None and attempt.outcome.reason is not None:
        container["reason"] = attempt.outcome.reason[:255]
    return container


def _attempt(attempt: JobAttempt) -> dict[str, Any]:
    entry: dict[str, Any] = {"container": {**_task(attempt), **_exit(attempt), "networkInterfaces": []}}
    if attempt.started_at is not None:
        entry["startedAt"] = attempt.started_at
    if attempt.stopped_at is not None:
        entry["stoppedAt"] = attempt.stopped_at
    if attempt.outcome is not None:
        entry["statusReason"] = attempt.outcome.status_reason
    return entry
