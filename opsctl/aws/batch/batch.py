"""AWS Batch: submission, states and termination."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError, HTTPClientError
from botocore.parsers import ResponseParserError

from opsctl.aws.errors import THROTTLED, code_of, translated
from opsctl.core.runs.attempt import Attempt
from opsctl.core.runs.manifest import timestamp
from opsctl.core.runs.status import BatchJob
from opsctl.core.runs.submission import Submission

if TYPE_CHECKING:
    from mypy_boto3_batch import BatchClient

_DESCRIBE_LIMIT = 100
_TERMINATE_LIMIT = 50
#: Batch's statuses of a job that may still do something.
UNFINISHED = ("SUBMITTED", "PENDING", "RUNNABLE", "STARTING", "RUNNING")
_STATUSES = (*UNFINISHED, "SUCCEEDED", "FAILED")


@dataclass(frozen=True)
class ActiveJob:
    """A job that a queue still holds."""

    job_id: str
    name: str
    status: str


class Throttled(Exception):
    """AWS asked to slow down before it looked at the call: nothing was carried out."""


class Unanswered(Exception):
    """A call whose reply never came: it may have been carried out."""


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
        """Submit one request as it stands; returns Batch's job id.

        Raises
        ------
        Throttled
            Batch did not take it: the call may be made again.
        Unanswered
            Nobody knows whether Batch took it: the reply was lost.
        Problem
            Batch refused it.
        """
        with translated("submitting the jobs"):
            try:
                reply = self._submit_client.submit_job(**request)
            except ClientError as error:
                if code_of(error) in THROTTLED:
                    raise Throttled(code_of(error)) from error
                if error.response["ResponseMetadata"].get("HTTPStatusCode", 500) >= 500:
                    raise Unanswered(code_of(error)) from error
                raise
            # Not botocore's ConnectionError: without a connection nothing has arrived.
            except (HTTPClientError, ResponseParserError) as error:
                raise Unanswered(str(error)) from error
        if "jobId" not in reply:
            raise Unanswered("the reply was cut off")
        return reply["jobId"]

    def find(self, job_queue: str, job_name: str) -> list[str]:
        """The ids of the jobs of exactly this name, the oldest first, whatever their state.

        ListJobs with a filter answers for every state, for some days after a job's end; it may be some seconds stale.
        """
        with translated("looking a job up by its name"):
            found = [
                (summary["createdAt"], summary["jobId"])
                for summary in self._list(jobQueue=job_queue, filters=[{"name": "JOB_NAME", "values": [job_name]}])
                if summary["jobName"] == job_name
            ]
        return [job_id for _, job_id in sorted(found)]

    def summaries(self, submissions: Sequence[Submission]) -> dict[str, dict[str, int]]:
        """How many children of each job are in each status: one call for up to 100 jobs of 10,000 children each.

        A job that Batch has forgotten is missing.
        """
        return {
            detail["jobId"]: dict(detail.get("arrayProperties", {}).get("statusSummary") or {detail["status"]: 1})
            for detail in self._describe([submission.job_id for submission in submissions])
        }

    def jobs(self, submissions: Iterable[Submission]) -> dict[int, BatchJob]:
        """Batch's word on every scan of a run, by the scan's index; those that Batch has forgotten are missing."""
        found: dict[int, BatchJob] = {}
        plain: dict[str, int] = {}
        for submission in submissions:
            if submission.is_array:
                for summary in self._children(submission.job_id):
                    index = submission.offset + summary["arrayProperties"]["index"]
                    found[index] = _job(summary).of_scan(index)
                # A child that is put back for a retry between two of the listings is in neither.
                indices = range(submission.offset, submission.offset + submission.size)
                lost = {submission.child_id(index): index for index in indices if index not in found}
                for job_id, job in self.describe(list(lost)).items():
                    found[lost[job_id]] = job.of_scan(lost[job_id])
            else:
                plain[submission.job_id] = submission.offset
        for detail in self._describe(list(plain)):
            index = plain[detail["jobId"]]
            found[index] = _job(detail).of_scan(index)
        return found

    def describe(self, job_ids: Sequence[str]) -> dict[str, BatchJob]:
        """Jobs with their attempts and log streams, by id."""
        return {detail["jobId"]: _job(detail) for detail in self._describe(job_ids)}

    def active(self, job_queue: str) -> list[ActiveJob]:
        """The jobs that a queue still holds; an array counts once."""
        with translated("listing the active jobs"):
            return [
                ActiveJob(summary["jobId"], summary["jobName"], status)
                for status in UNFINISHED
                for summary in self._list(jobQueue=job_queue, jobStatus=status)
            ]

    def terminate(self, job_id: str, *, reason: str) -> None:
        """End a job and, for an array, its children."""
        with translated("ending a job"):
            self._client.terminate_job(jobId=job_id, reason=reason)

    def terminate_all(self, job_ids: Sequence[str], *, reason: str) -> dict[str, str]:
        """End jobs one by one, fifty a call.

        Returns
        -------
        dict
            Why Batch did not take it, by the id of each job for which it did not.
        """
        refused: dict[str, str] = {}
        with translated("ending jobs"):
            for start in range(0, len(job_ids), _TERMINATE_LIMIT):
                some = list(job_ids[start : start + _TERMINATE_LIMIT])
                for error in self._client.terminate_jobs(jobs=some, reason=reason).get("errors", ()):
                    refused[error["job"]] = error.get("message") or error.get("code", "")
        return refused

    def children(self, parent_id: str, status: str) -> dict[int, BatchJob]:
        """An array's children in one of Batch's statuses, by their place in the array; 1,000 a call."""
        with translated("asking AWS Batch for the jobs' states"):
            listed = self._list(arrayJobId=parent_id, jobStatus=status)
            return {summary["arrayProperties"]["index"]: _job(summary) for summary in listed}

    def wait_reasons(self, parent_id: str) -> list[str]:
        """What Batch says of an array's children in RUNNABLE, as far as one call tells; most say nothing."""
        with translated("asking AWS Batch for the jobs' states"):
            page = self._client.list_jobs(arrayJobId=parent_id, jobStatus="RUNNABLE")
            return [summary["statusReason"] for summary in page["jobSummaryList"] if summary.get("statusReason")]

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


def _job(reply: Mapping[str, Any]) -> BatchJob:
    container = reply.get("container", {})
    reasons = [reply.get("statusReason", ""), container.get("reason", "")]
    streams = [attempt.get("container", {}).get("logStreamName", "") for attempt in reply.get("attempts", ())]
    streams.append(container.get("logStreamName", ""))
    return BatchJob(
        job_id=reply["jobId"],
        status=reply["status"],
        reason="; ".join(dict.fromkeys(reason for reason in reasons if reason)),
        exit_code=container.get("exitCode"),
        attempts=tuple(_attempt(reply, number) for number in range(len(reply.get("attempts", ())))),
        log_streams=tuple(dict.fromkeys(stream for stream in streams if stream)),
    )


def _attempt(reply: Mapping[str, Any], number: int) -> Attempt:
    attempt = reply["attempts"][number]
    container = attempt.get("container", {})
    reasons = [attempt.get("statusReason", ""), container.get("reason", "")]
    return Attempt(
        index=reply.get("arrayProperties", {}).get("index", 0),
        number=number + 1,
        job_id=reply["jobId"],
        started_at=_moment(attempt.get("startedAt")),
        stopped_at=_moment(attempt.get("stoppedAt")),
        exit_code=container.get("exitCode"),
        reason="; ".join(dict.fromkeys(reason for reason in reasons if reason)),
        log_stream=container.get("logStreamName", ""),
    )


def _moment(milliseconds: int | None) -> str | None:
    return None if milliseconds is None else timestamp(datetime.fromtimestamp(milliseconds / 1000, UTC))
