"""A fake AWS Batch client: jobs by name, faults before and after a call, a ListJobs that lags behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError, ConnectionClosedError

from opsctl.aws.batch.batch import Batch


def refused(code: str, status: int, message: str = "") -> ClientError:
    answer: Any = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "SubmitJob")


THROTTLED = refused("TooManyRequestsException", 429)
BROKEN = refused("InternalFailure", 500)
RESET = ConnectionClosedError(endpoint_url="https://batch")
DENIED = refused("AccessDeniedException", 403, "not you")


@dataclass(frozen=True)
class Fault:
    """The error that one SubmitJob raises; `carried_out`: Batch accepted the job nevertheless."""

    raised: BaseException
    carried_out: bool = False


@dataclass
class FakeBatch:
    """A Batch client with as much of Batch as submission needs.

    Attributes
    ----------
    faults
        For the coming SubmitJobs, in order; None: it goes well.
    stale_looks
        So many of the coming ListJobs by name see nothing.
    on_submit
        Called with each request that is carried out.
    """

    faults: list[Fault | None] = field(default_factory=list)
    stale_looks: int = 0
    on_submit: Callable[[dict[str, Any]], None] = lambda request: None
    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    calls: int = 0

    def adapter(self) -> Batch:
        client: Any = self
        return Batch(client, submit_client=client)

    def submit_job(self, **request: Any) -> dict[str, str]:
        self.calls += 1
        fault = self.faults.pop(0) if self.faults else None
        if fault is None or fault.carried_out:
            job_id = f"job-{len(self.jobs)}"
            size = request.get("arrayProperties", {}).get("size", 1)
            self.jobs[job_id] = {"request": request, "size": size, "states": ["RUNNABLE"] * size}
            self.on_submit(request)
        if fault is not None:
            raise fault.raised
        return {"jobId": job_id}

    def describe_jobs(self, *, jobs: list[str]) -> dict[str, Any]:
        return {"jobs": [self._detail(job_id) for job_id in jobs if job_id.partition(":")[0] in self.jobs]}

    def terminate_job(self, *, jobId: str, reason: str) -> dict[str, Any]:
        self.end(jobId, "FAILED")
        return {}

    def end(self, job_id: str, *states: str) -> None:
        """Set the states of a job's children."""
        job = self.jobs[job_id]
        job["states"] = list(states) * job["size"] if len(states) == 1 else list(states)

    def get_paginator(self, name: str) -> FakeBatch:
        assert name == "list_jobs"
        return self

    def paginate(self, **request: Any) -> Iterator[dict[str, Any]]:
        yield {"jobSummaryList": []}
        yield {"jobSummaryList": list(self._listed(**request))}

    def _listed(
        self,
        jobQueue: str = "",
        arrayJobId: str = "",
        jobStatus: str = "",
        filters: list[dict[str, Any]] | None = None,
    ) -> Iterator[dict[str, Any]]:
        if filters:
            if self.stale_looks:
                self.stale_looks -= 1
                return
            wanted = filters[0]["values"][0].lower()
            for job_id, job in self.jobs.items():
                # AWS compares names without regard to case.
                if job["request"]["jobQueue"] == jobQueue and job["request"]["jobName"].lower() == wanted:
                    yield self._detail(job_id)
        elif arrayJobId in self.jobs:
            for index, state in enumerate(self.jobs[arrayJobId]["states"]):
                if state == jobStatus:
                    yield self._detail(f"{arrayJobId}:{index}")

    def _detail(self, job_id: str) -> dict[str, Any]:
        parent_id, _, index = job_id.partition(":")
        job = self.jobs[parent_id]
        facts = {"jobId": job_id, "jobName": job["request"]["jobName"], "createdAt": list(self.jobs).index(parent_id)}
        facts["container"] = {"environment": job["request"].get("containerOverrides", {}).get("environment", [])}
        if index:
            return {**facts, "status": job["states"][int(index)], "arrayProperties": {"index": int(index)}}
        if job["size"] == 1:
            return {**facts, "status": job["states"][0]}
        summary = {state: job["states"].count(state) for state in set(job["states"])}
        over = set(summary) <= {"SUCCEEDED", "FAILED"}
        status = "PENDING" if not over else "FAILED" if "FAILED" in summary else "SUCCEEDED"
        return {**facts, "status": status, "arrayProperties": {"size": job["size"], "statusSummary": summary}}
