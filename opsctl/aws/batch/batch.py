"""AWS Batch: submission, states and termination."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError, HTTPClientError
from botocore.parsers import ResponseParserError

from opsctl.aws.errors import code_of, translated
from opsctl.aws.refusals import THROTTLED
from opsctl.core.runs.attempt import Attempt
from opsctl.core.runs.manifest import timestamp
from opsctl.core.runs.status import BatchJob
from opsctl.core.runs.submission import RUN_URI_VARIABLE, Submission

if TYPE_CHECKING:
    from mypy_boto3_batch import BatchClient

_DESCRIBE_LIMIT = 100
_TERMINATE_LIMIT = 50
#: The statuses of a job that has not ended.
UNFINISHED = ("SUBMITTED", "PENDING", "RUNNABLE", "STARTING", "RUNNING")
_STATUSES = (*UNFINISHED, "SUCCEEDED", "FAILED")


@dataclass(frozen=True)
class ActiveJob:
    """A job that has not ended.

    Attributes
    ----------
    scans
        How many scans it is of: an array job has several.
    """

    job_id: str
    name: str
    status: str
    scans: int = 1


class Throttled(Exception):
    """AWS throttled the call: nothing was carried out."""


class Unanswered(Exception):
    """No reply came: the call may have been carried out."""


class Batch:
    """AWS Batch's jobs in one region.

    Parameters
    ----------
    client
        Retries failed calls.
    submit_client
        Must not retry: SubmitJob has no idempotency token, so after a lost reply a retry would submit twice.
    """

    def __init__(self, client: BatchClient, *, submit_client: BatchClient) -> None:
        self._client = client
        self._submit_client = submit_client

    def submit(self, request: Mapping[str, Any]) -> str:
        """Submit one request as it stands; returns Batch's job id.

        Raises
        ------
        Throttled
            Batch did not accept it: the call may be repeated.
        Unanswered
            The reply was lost: Batch may have accepted it.
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
            # Not botocore's ConnectionError: without a connection Batch received nothing.
            except (HTTPClientError, ResponseParserError) as error:
                raise Unanswered(str(error)) from error
        if "jobId" not in reply:
            raise Unanswered("the reply was cut off")
        return reply["jobId"]

    def find(self, job_queue: str, job_name: str, *, run_uri: str | None = None) -> list[str]:
        """The ids of the jobs with exactly this name in any state, oldest first.

        ListJobs with a filter covers jobs of every state, for some days after their end; it may be some seconds stale.

        Parameters
        ----------
        run_uri
            Where the records of the run lie that the jobs must be of; None: any job of this name, where queue and name
            are not out of a record.
        """
        with translated("looking a job up by its name"):
            jobs = [
                (summary["createdAt"], summary["jobId"])
                for summary in self._list(jobQueue=job_queue, filters=[{"name": "JOB_NAME", "values": [job_name]}])
                if summary["jobName"] == job_name
            ]
        job_ids = [job_id for _, job_id in sorted(jobs)]
        if run_uri is None:
            return job_ids
        own = {detail["jobId"] for detail in self._describe(job_ids) if _run_uri(detail) == run_uri}
        return [job_id for job_id in job_ids if job_id in own]

    def summaries(
        self, submissions: Sequence[Submission], *, run_uris: Collection[str]
    ) -> tuple[dict[str, dict[str, int]], dict[str, str]]:
        """The number of each job's children in each status: one call for up to 100 jobs of 10,000 children each.

        Who may write to the bucket may write any job's id into a submission. So the id is compared with the job.

        Parameters
        ----------
        run_uris
            Where the records lie of the runs that the submissions are of.

        Returns
        -------
        tuple
            The summaries by job id, without the jobs that Batch no longer has; and the names, by id, of the jobs that
            are not the submissions' own: nothing may be shown of them, and they may not be ended.
        """
        names = {submission.job_id: submission.job_name for submission in submissions}
        summaries, foreign = {}, {}
        for detail in self._describe(list(names)):
            job_id = detail["jobId"]
            if detail["jobName"] == names[job_id] and _run_uri(detail) in run_uris:
                counts = detail.get("arrayProperties", {}).get("statusSummary")
                summaries[job_id] = dict(counts or {detail["status"]: 1})
            else:
                foreign[job_id] = detail["jobName"]
        return summaries, foreign

    def jobs(self, submissions: Iterable[Submission]) -> dict[int, BatchJob]:
        """The job of every scan of a run, by the scan's index; jobs that Batch no longer has are missing."""
        jobs: dict[int, BatchJob] = {}
        single_jobs: dict[str, int] = {}
        for submission in submissions:
            if submission.is_array:
                for summary in self._children(submission.job_id):
                    index = submission.offset + summary["arrayProperties"]["index"]
                    jobs[index] = _job(summary).of_scan(index)
                # A child that changes its status between two of the listings may be in neither.
                indices = range(submission.offset, submission.offset + submission.size)
                unlisted = {submission.child_id(index): index for index in indices if index not in jobs}
                for job_id, job in self.describe(list(unlisted)).items():
                    jobs[unlisted[job_id]] = job.of_scan(unlisted[job_id])
            else:
                single_jobs[submission.job_id] = submission.offset
        for detail in self._describe(list(single_jobs)):
            index = single_jobs[detail["jobId"]]
            jobs[index] = _job(detail).of_scan(index)
        return jobs

    def describe(self, job_ids: Sequence[str], *, run_uris: Collection[str] | None = None) -> dict[str, BatchJob]:
        """Jobs with their attempts and log streams, by id.

        Parameters
        ----------
        run_uris
            Where the records lie of the runs that the jobs must be of: others are left out. None: the ids are not out
            of a record, or their parents are known.
        """
        return {
            detail["jobId"]: _job(detail)
            for detail in self._describe(job_ids)
            if run_uris is None or _run_uri(detail) in run_uris
        }

    def active(self, job_queue: str) -> list[ActiveJob]:
        """A queue's jobs that have not ended; an array job counts once."""
        with translated("listing the active jobs"):
            return [
                ActiveJob(
                    summary["jobId"], summary["jobName"], status, summary.get("arrayProperties", {}).get("size", 1)
                )
                for status in UNFINISHED
                for summary in self._list(jobQueue=job_queue, jobStatus=status)
            ]

    def terminate(self, job_id: str, *, reason: str) -> None:
        """Terminate a job and, for an array job, its children."""
        with translated("ending a job"):
            self._client.terminate_job(jobId=job_id, reason=reason)

    def terminate_all(self, job_ids: Sequence[str], *, reason: str) -> dict[str, str]:
        """Terminate jobs, fifty a call.

        Returns
        -------
        dict
            Batch's reason, by the id of each job that it did not terminate.
        """
        reasons: dict[str, str] = {}
        with translated("ending jobs"):
            for start in range(0, len(job_ids), _TERMINATE_LIMIT):
                chunk = list(job_ids[start : start + _TERMINATE_LIMIT])
                for error in self._client.terminate_jobs(jobs=chunk, reason=reason).get("errors", ()):
                    reasons[error["job"]] = error.get("message") or error.get("code", "")
        return reasons

    def children(self, parent_id: str, status: str) -> dict[int, BatchJob]:
        """An array job's children in one status, by their index in the array; 1,000 a call."""
        with translated("asking AWS Batch for the jobs' states"):
            summaries = self._list(arrayJobId=parent_id, jobStatus=status)
            return {summary["arrayProperties"]["index"]: _job(summary) for summary in summaries}

    def wait_reasons(self, parent_id: str) -> list[str]:
        """Batch's reasons why children of an array job wait in RUNNABLE, from one call; most have none."""
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


def _run_uri(detail: Mapping[str, Any]) -> str:
    """Where the records lie of the run that a job was submitted for; empty where it was for none."""
    environment = detail.get("container", {}).get("environment", ())
    return next((entry["value"] for entry in environment if entry["name"] == RUN_URI_VARIABLE), "")


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
        started_at=_timestamp(reply.get("startedAt")),
        stopped_at=_timestamp(reply.get("stoppedAt")),
        created_at=_timestamp(reply.get("createdAt")),
    )


def _attempt(reply: Mapping[str, Any], number: int) -> Attempt:
    attempt = reply["attempts"][number]
    container = attempt.get("container", {})
    reasons = [attempt.get("statusReason", ""), container.get("reason", "")]
    return Attempt(
        index=reply.get("arrayProperties", {}).get("index", 0),
        number=number + 1,
        job_id=reply["jobId"],
        started_at=_timestamp(attempt.get("startedAt")),
        stopped_at=_timestamp(attempt.get("stoppedAt")),
        exit_code=container.get("exitCode"),
        reason="; ".join(dict.fromkeys(reason for reason in reasons if reason)),
        log_stream=container.get("logStreamName", ""),
    )


def _timestamp(milliseconds: int | None) -> str | None:
    return None if milliseconds is None else timestamp(datetime.fromtimestamp(milliseconds / 1000, UTC))
