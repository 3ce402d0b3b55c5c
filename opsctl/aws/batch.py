"""AWS Batch: submission, states and termination."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from opsctl.aws.errors import translated
from opsctl.core.errors import Problem
from opsctl.core.manifest import Submission
from opsctl.core.status import Job

if TYPE_CHECKING:
    from mypy_boto3_batch import BatchClient

_DESCRIBE_LIMIT = 100
_UNFINISHED = ("SUBMITTED", "PENDING", "RUNNABLE", "STARTING", "RUNNING")
_STATUSES = (*_UNFINISHED, "SUCCEEDED", "FAILED")


@dataclass(frozen=True)
class ActiveJob:
    """A job that a queue still holds."""

    job_id: str
    name: str
    status: str


class Batch:
    """Jobs of one region.

    Parameters
    ----------
    client
        Retries by itself.
    submit_client
        Must not retry: SubmitJob has no idempotency token, and a call whose reply was lost would submit twice.
    """

    def __init__(self, client: BatchClient, *, submit_client: BatchClient) -> None:
        self._client = client
        self._submit_client = submit_client

    def submit(self, request: Mapping[str, Any]) -> str:
        """Submit one request as it stands; returns Batch's job id."""
        with translated("submitting the jobs"):
            reply = self._submit_client.submit_job(**request)
        if "jobId" not in reply:
            raise Problem(
                "AWS's answer to the submission was cut off: the jobs may be running.", "`opsctl down` counts them."
            )
        return reply["jobId"]

    def summaries(self, submissions: Sequence[Submission]) -> dict[str, dict[str, int]]:
        """How many children of each job are in each status: one call for up to 100 jobs of 10,000 children each.

        A job that Batch has forgotten is missing.
        """
        return {
            detail["jobId"]: dict(detail.get("arrayProperties", {}).get("statusSummary") or {detail["status"]: 1})
            for detail in self._describe([submission.job_id for submission in submissions])
        }

    def jobs(self, submissions: Iterable[Submission]) -> dict[int, Job]:
        """Batch's word on every scan of a run, by the scan's index; those that Batch has forgotten are missing."""
        found: dict[int, Job] = {}
        plain: dict[str, int] = {}
        for submission in submissions:
            if submission.is_array:
                for summary in self._children(submission.job_id):
                    found[submission.offset + summary["arrayProperties"]["index"]] = _job(summary)
                # A child that is put back for a retry between two of the listings is in neither.
                indices = range(submission.offset, submission.offset + submission.size)
                lost = {submission.child_id(index): index for index in indices if index not in found}
                for job_id, job in self.describe(list(lost)).items():
                    found[lost[job_id]] = job
            else:
                plain[submission.job_id] = submission.offset
        for detail in self._describe(list(plain)):
            found[plain[detail["jobId"]]] = _job(detail)
        return found

    def describe(self, job_ids: Sequence[str]) -> dict[str, Job]:
        """Jobs with their attempts and log streams, by id."""
        return {detail["jobId"]: _job(detail) for detail in self._describe(job_ids)}

    def active(self, job_queue: str) -> list[ActiveJob]:
        """The jobs that a queue still holds; an array counts once."""
        with translated("listing the active jobs"):
            return [
                ActiveJob(summary["jobId"], summary["jobName"], status)
                for status in _UNFINISHED
                for summary in self._list(jobQueue=job_queue, jobStatus=status)
            ]

    def terminate(self, job_id: str, *, reason: str) -> None:
        """End a job and, for an array, its children."""
        with translated("ending a job"):
            self._client.terminate_job(jobId=job_id, reason=reason)

    def _children(self, parent_id: str) -> Iterator[Any]:
        with translated("asking AWS Batch for the jobs' states"):
            for status in _STATUSES:
                yield from self._list(arrayJobId=parent_id, jobStatus=status)

    def _list(self, **request: Any) -> Iterator[Any]:
        for page in self._client.get_paginator("list_jobs").paginate(**request):
            yield from page["jobSummaryList"]

    def _describe(self, job_ids: Sequence[str]) -> Iterator[Any]:
        with translated("asking AWS Batch for the jobs' states"):
            for start in range(0, len(job_ids), _DESCRIBE_LIMIT):
                yield from self._client.describe_jobs(jobs=list(job_ids[start : start + _DESCRIBE_LIMIT]))["jobs"]


def _job(reply: Mapping[str, Any]) -> Job:
    container = reply.get("container", {})
    reasons = [reply.get("statusReason", ""), container.get("reason", "")]
    streams = [attempt.get("container", {}).get("logStreamName", "") for attempt in reply.get("attempts", ())]
    streams.append(container.get("logStreamName", ""))
    return Job(
        job_id=reply["jobId"],
        status=reply["status"],
        reason="; ".join(dict.fromkeys(reason for reason in reasons if reason)),
        exit_code=container.get("exitCode"),
        attempts=len(reply.get("attempts", ())),
        log_streams=tuple(dict.fromkeys(stream for stream in streams if stream)),
    )
