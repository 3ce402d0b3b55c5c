"""A job in the words of AWS Batch's DescribeJobs and ListJobs."""

from __future__ import annotations

from typing import Any

from opsctl.local.batch.job import Job, JobAttempt, Status


def summary(job: Job) -> dict[str, Any]:
    """Give the job as an entry of ListJobs."""
    facts: dict[str, Any] = {
        "jobId": job.job_id,
        "jobArn": _arn(job),
        "jobName": job.submission.name,
        "createdAt": job.submission.created_at,
        "status": job.status.value,
        "jobDefinition": job.submission.definition.arn,
    }
    for name, value in (
        ("statusReason", job.status_reason),
        ("startedAt", job.started_at),
        ("stoppedAt", job.stopped_at),
        ("isCancelled", job.cancelled or None),
        ("isTerminated", job.terminated or None),
    ):
        if value is not None:
            facts[name] = value
    container = _ending(job.attempts[-1]) if job.attempts else {}
    if container:
        facts["container"] = container
    if job.is_parent:
        facts["arrayProperties"] = {
            "size": len(job.children),
            "statusSummary": {status.value: job.counts[status] for status in Status},
            "statusSummaryLastUpdatedAt": job.counts_at,
        }
    elif job.index is not None:
        facts["arrayProperties"] = {"index": job.index}
    return facts


def detail(job: Job) -> dict[str, Any]:
    """Give the job as an entry of DescribeJobs."""
    submission = job.submission
    facts = summary(job)
    container: dict[str, Any] = {**submission.container, "networkInterfaces": []}
    if job.attempts:
        container |= _placement(job.attempts[-1]) | _ending(job.attempts[-1])
    facts |= {
        "jobQueue": submission.queue.arn,
        "container": container,
        "attempts": [_attempt(attempt) for attempt in job.attempts if attempt.outcome is not None],
        "retryStrategy": {"attempts": submission.attempts, "evaluateOnExit": list(submission.retry_rules)},
        "dependsOn": [],
        "parameters": dict(submission.parameters),
        "tags": dict(submission.tags),
        "platformCapabilities": submission.definition.platform_capabilities or ["EC2"],
    }
    if submission.timeout_seconds is not None:
        facts["timeout"] = {"attemptDurationSeconds": submission.timeout_seconds}
    return facts


def _arn(job: Job) -> str:
    # arn:aws:batch:REGION:ACCOUNT:job-queue/NAME: a job's ARN differs in its last part only.
    return f"{job.submission.queue.arn.rpartition(':')[0]}:job/{job.job_id}"


def _placement(attempt: JobAttempt) -> dict[str, Any]:
    facts: dict[str, Any] = {"taskArn": attempt.task_arn}
    if attempt.log_stream is not None:
        facts["logStreamName"] = attempt.log_stream
    return facts


def _ending(attempt: JobAttempt) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    if attempt.outcome is not None and attempt.outcome.exit_code is not None:
        facts["exitCode"] = attempt.outcome.exit_code
    if attempt.outcome is not None and attempt.outcome.reason is not None:
        facts["reason"] = attempt.outcome.reason[:255]
    return facts


def _attempt(attempt: JobAttempt) -> dict[str, Any]:
    facts: dict[str, Any] = {"container": {**_placement(attempt), **_ending(attempt), "networkInterfaces": []}}
    if attempt.started_at is not None:
        facts["startedAt"] = attempt.started_at
    if attempt.stopped_at is not None:
        facts["stoppedAt"] = attempt.stopped_at
    if attempt.outcome is not None:
        facts["statusReason"] = attempt.outcome.status_reason
    return facts
