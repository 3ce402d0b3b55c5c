"""AWS Batch: takes submissions, whose jobs run until they are told to be done, and describes and lists them."""

from __future__ import annotations

import json
from typing import Any

from bench.server.http import Reply, Request

_PAGE = 1000


class Batch:
    """The jobs of one account."""

    def __init__(self) -> None:
        self._jobs: dict[str, dict[str, Any]] = {}
        #: The state of every job.
        self.status = "RUNNING"

    def answer(self, request: Request) -> Reply:
        """Answer one call."""
        parameters = json.loads(request.body)
        action = request.path.removeprefix("/v1/")
        return Reply.json(
            {"submitjob": self._submit, "describejobs": self._describe, "listjobs": self._list}[action](parameters)
        )

    def _submit(self, parameters: dict[str, Any]) -> dict[str, Any]:
        job_id = f"{len(self._jobs):08x}-0000-4000-8000-000000000000"
        self._jobs[job_id] = parameters
        return {"jobId": job_id, "jobName": parameters["jobName"]}

    def _describe(self, parameters: dict[str, Any]) -> dict[str, Any]:
        details = [self._detail(job_id) for job_id in parameters["jobs"] if job_id.partition(":")[0] in self._jobs]
        for detail in details:
            job = self._jobs[detail["jobId"].partition(":")[0]]
            detail["container"]["environment"] = job.get("containerOverrides", {}).get("environment", [])
        return {"jobs": details}

    def _detail(self, job_id: str) -> dict[str, Any]:
        parent, _, index = job_id.partition(":")
        job = self._jobs[parent]
        size = job.get("arrayProperties", {}).get("size")
        detail = {
            "jobId": job_id,
            "jobName": job["jobName"],
            "jobQueue": job["jobQueue"],
            "jobDefinition": job["jobDefinition"],
            "status": self.status,
            "createdAt": 1,
            "startedAt": 2,
            "container": {"logStreamName": stream_of(int(index or 0))},
        }
        if index:
            detail["arrayProperties"] = {"index": int(index)}
        elif size:
            detail["arrayProperties"] = {"size": size, "statusSummary": {self.status: size}}
        return detail

    def _list(self, parameters: dict[str, Any]) -> dict[str, Any]:
        if "arrayJobId" not in parameters:
            return {"jobSummaryList": []}
        parent, start = parameters["arrayJobId"], int(parameters.get("nextToken", 0))
        size = self._jobs[parent]["arrayProperties"]["size"] if parameters.get("jobStatus") == self.status else 0
        jobs = [self._detail(f"{parent}:{index}") for index in range(start, min(start + _PAGE, size))]
        more = {"nextToken": str(start + _PAGE)} if start + _PAGE < size else {}
        return {"jobSummaryList": jobs, **more}


def stream_of(index: int) -> str:
    """The log stream of the array child with this index."""
    return f"csa/default/{index:032x}"
