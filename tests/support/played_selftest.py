"""A platform whose self-test jobs are played by a clock: Batch, S3 and CloudWatch as opsctl's self-test meets them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from opsctl.aws.batch.batch import Batch
from opsctl.aws.logs import Logs
from opsctl.aws.s3.storage import Storage
from opsctl.aws.s3.versions import Versions
from opsctl.commands.selftest.jobs import WatchedJob, Watching
from opsctl.commands.selftest.selftest import Request, Selftest
from opsctl.core.costs.estimate import Rates
from opsctl.core.diagnosis.queue_snapshot import QueueSnapshot
from opsctl.core.platform.platform import Platform
from opsctl.core.selftest.check_table import CHECKS
from opsctl.core.selftest.submission import Registration
from support.core_examples import DOLLAR
from support.example_platform import platform
from support.fake_batch import Fault
from support.memory_s3 import MemoryS3
from support.run_views import hidden_snapshot

BEGIN = datetime(2026, 11, 28, 12, 0, 0, tzinfo=UTC)
SELFTEST_ID = "selftest-20261128-120000-ab12"
ROLE = "arn:aws:iam::123456789012:role/opsctl-m2g-job"
_LONGEST_SECONDS = 10_000
#: An instance boots for 100 s, the image takes 60 s, the checks 30 s.
STATES = ((0.0, "SUBMITTED"), (2.0, "RUNNABLE"), (100.0, "STARTING"), (165.0, "RUNNING"), (195.0, "SUCCEEDED"))


def moment(seconds: float) -> str:
    return (BEGIN + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


class VersionedS3(MemoryS3):
    """The memory S3 with versions: each object has one.

    Attributes
    ----------
    may_delete
        False: S3 refuses to delete versions.
    """

    may_delete = True

    def get_paginator(self, operation: str) -> Any:
        if operation != "list_object_versions":
            return super().get_paginator(operation)
        s3 = self

        class Versioned:
            def paginate(self, *, Bucket: str, Prefix: str) -> Iterator[dict[str, Any]]:
                listed = s3.list_objects_v2(Bucket=Bucket, Prefix=Prefix).get("Contents", ())
                yield {
                    "Versions": [
                        {"Key": entry["Key"], "VersionId": "v1", "Size": entry["Size"], "IsLatest": True}
                        for entry in listed
                    ]
                }

        return Versioned()

    def delete_objects(self, *, Bucket: str, Delete: dict[str, Any]) -> dict[str, Any]:
        if not self.may_delete:
            return {
                "Errors": [
                    {"Key": entry["Key"], "VersionId": entry["VersionId"], "Code": "AccessDenied", "Message": "not you"}
                    for entry in Delete["Objects"]
                ]
            }
        for entry in Delete["Objects"]:
            self.delete_object(Bucket=Bucket, Key=entry["Key"])
        return {}


@dataclass
class PlayedJob:
    """What becomes of one model's job.

    Attributes
    ----------
    states
        Pairs of the second since the submission and the state from then on.
    rows
        Verdicts of its checks that are not fine, by id.
    has_result
        Whether it writes `result.json` when it ends.
    """

    states: Sequence[tuple[float, str]] = STATES
    rows: dict[str, str] = field(default_factory=dict)
    has_result: bool = True
    reason: str = ""
    exit_code: int | None = 0
    attempt: int = 1
    knows_pull: bool = True
    wrote_raw_data: bool = False
    forgotten_after: float = float("inf")
    disk_used_mib: int | None = None


class PlayedSelftest:
    """Everything that a self-test is given; time passes only in `sleep`.

    Attributes
    ----------
    jobs
        By model.
    faults
        For the coming SubmitJobs, in order; None: it goes well.
    log_late_seconds
        After how long CloudWatch shows a line; None: never.
    interrupt_at
        Ctrl-C at this second.
    """

    def __init__(self, **changes: Any) -> None:
        self.platform: Platform = platform(**changes)
        self.now = 0.0
        self.jobs = {"csd": PlayedJob(), "csa": PlayedJob()}
        self.faults: list[Fault | None] = []
        self.log_late_seconds: float | None = 5.0
        self.log_error: str = ""
        self.interrupt_at = float("inf")
        self.s3 = VersionedS3(self.platform.data_bucket, now=lambda: BEGIN + timedelta(seconds=self.now))
        self.requests: list[dict[str, Any]] = []
        self.terminated: dict[str, str] = {}
        self.polls: list[list[tuple[str, str]]] = []
        self.looks: list[str] = []
        self.snapshot: QueueSnapshot = hidden_snapshot()
        self.model_of: dict[str, str] = {}
        self._submitted_at: dict[str, float] = {}
        self._ended_at: dict[str, float] = {}

    def selftest(self, *, models: Sequence[str] = ("csd", "csa"), timeout_seconds: float = 1200) -> Selftest:
        client: Any = self
        s3: Any = self.s3
        return Selftest(
            Request(
                models=models, timeout_seconds=timeout_seconds, atlas_files=["a.nii.gz"], token="ab12", version="1"
            ),
            self.platform,
            batch=Batch(client, submit_client=client),
            storage=Storage(s3),
            versions=Versions(s3, self.platform.data_bucket),
            logs=Logs(client, group=self.platform.log_group),
            registration=lambda model: Registration(ROLE, 15200, 2),
            rates=lambda model: self.rates,
            watching=Watching(
                poll_seconds=5.0,
                look=self._look,
                on_poll=self._on_poll,
                sleep=self.sleep,
                clock=lambda: self.now,
                now=lambda: BEGIN + timedelta(seconds=self.now),
            ),
        )

    rates: Rates = DOLLAR

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        assert self.now < _LONGEST_SECONDS, "the self-test does not end"
        if self.now >= self.interrupt_at:
            self.interrupt_at = float("inf")
            raise KeyboardInterrupt

    def keys(self) -> list[str]:
        """What lies in the data bucket."""
        listed = self.s3.list_objects_v2(Bucket=self.platform.data_bucket)
        return [entry["Key"] for entry in listed.get("Contents", ())]

    def _look(self, model: str) -> QueueSnapshot:
        self.looks.append(model)
        return self.snapshot

    def _on_poll(self, jobs: Sequence[WatchedJob]) -> None:
        self.polls.append([(job.model, job.status) for job in jobs])

    # Batch's client.

    def submit_job(self, **request: Any) -> dict[str, str]:
        fault = self.faults.pop(0) if self.faults else None
        if fault is None or fault.carried_out:
            self.requests.append(request)
            job_id = f"job-{len(self.requests)}"
            self.model_of[job_id] = request["jobName"].rpartition("-")[2]
            self._submitted_at[job_id] = self.now
        if fault is not None:
            raise fault.raised
        return {"jobId": job_id}

    def describe_jobs(self, *, jobs: Sequence[str]) -> dict[str, Any]:
        return {"jobs": [detail for job_id in jobs if (detail := self._detail(job_id)) is not None]}

    def get_paginator(self, operation: str) -> Any:
        assert operation == "list_jobs"
        played = self

        class Jobs:
            def paginate(self, **request: Any) -> Iterator[dict[str, Any]]:
                names = request["filters"][0]["values"]
                yield {
                    "jobSummaryList": [
                        {"jobId": f"job-{number}", "jobName": sent["jobName"], "createdAt": number}
                        for number, sent in enumerate(played.requests, 1)
                        if sent["jobName"] in names
                    ]
                }

        return Jobs()

    def terminate_jobs(self, *, jobs: Sequence[str], reason: str) -> dict[str, Any]:
        for job_id in jobs:
            self.terminated[job_id] = reason
            self._ended_at[job_id] = self.now + 3
        return {}

    def _detail(self, job_id: str) -> dict[str, Any] | None:
        job, since = self.jobs[self.model_of[job_id]], self.now - self._submitted_at[job_id]
        if since >= job.forgotten_after:
            return None
        status = [state for at, state in job.states if at <= since][-1]
        if status in ("SUCCEEDED", "FAILED") and job.has_result:
            self._write_result(job_id, job)
        if status not in ("SUCCEEDED", "FAILED") and self.now >= self._ended_at.get(job_id, float("inf")):
            return {**self._base(job_id), "status": "FAILED", "statusReason": self.terminated[job_id]}
        detail = {**self._base(job_id), "status": status}
        started = next((at for at, state in job.states if state == "RUNNING"), None)
        if started is not None and since >= started:
            detail |= {"startedAt": self._ms(job_id, started), "container": {"logStreamName": self._stream(job_id)}}
        if status in ("SUCCEEDED", "FAILED"):
            detail["stoppedAt"] = self._ms(job_id, job.states[-1][0])
            detail["statusReason"] = job.reason
            detail.setdefault("container", {})
            if job.exit_code is not None:
                detail["container"]["exitCode"] = job.exit_code
        elif job.reason:
            detail["statusReason"] = job.reason
        return detail

    def _base(self, job_id: str) -> dict[str, Any]:
        return {"jobId": job_id, "createdAt": self._ms(job_id, 0)}

    def _ms(self, job_id: str, seconds: float) -> int:
        return int((BEGIN.timestamp() + self._submitted_at[job_id] + seconds) * 1000)

    def _stream(self, job_id: str) -> str:
        return f"{self.model_of[job_id]}/default/{job_id}"

    def _write_result(self, job_id: str, job: PlayedJob) -> None:
        model, submitted = self.model_of[job_id], self._submitted_at[job_id]
        running, end = (job.states[-2][0], job.states[-1][0]) if len(job.states) > 1 else (0, 0)
        result = {
            "schema_version": 1,
            "selftest_id": SELFTEST_ID,
            "model": model,
            "job_id": job_id,
            "attempt": job.attempt,
            "started_at": moment(submitted + running),
            "stopped_at": moment(submitted + end),
            "pull_started_at": moment(submitted + 100) if job.knows_pull else None,
            "pull_stopped_at": moment(submitted + 160) if job.knows_pull else None,
            "log_stream": self._stream(job_id),
            "versions": {"m2g": "0.3.0", "python": "3.7.17", "boto3": "1.33.13"},
            "disk_used_mib": job.disk_used_mib,
            "rows": [
                {
                    "check": check,
                    "group": "storage",
                    "verdict": job.rows.get(check, "fine"),
                    "detail": f"About {check}.",
                    "seconds": 0.1,
                }
                for check in CHECKS
                if check not in ("job", "logs")
            ],
        }
        self._put(f"opsctl/selftest/{SELFTEST_ID}/{model}/result.json", json.dumps(result).encode())
        if job.wrote_raw_data:
            self._put(f"opsctl-selftest-raw/{SELFTEST_ID}/sub-selftest/dwi/sub-selftest_dwi.txt", b"x")

    def _put(self, key: str, body: bytes) -> None:
        self.s3.put_object(Bucket=self.platform.data_bucket, Key=key, Body=body)

    # CloudWatch's client.

    def filter_log_events(self, *, logStreamNamePrefix: str, startTime: int, **_: Any) -> dict[str, Any]:
        if self.log_error:
            reply: Any = {
                "Error": {"Code": self.log_error, "Message": "m"},
                "ResponseMetadata": {"HTTPStatusCode": 400},
            }
            raise ClientError(reply, "FilterLogEvents")
        job_id = logStreamNamePrefix.rpartition("/")[2]
        model = self.model_of[job_id]
        written = self._submitted_at[job_id] + self.jobs[model].states[-1][0]
        late = self.log_late_seconds
        if late is None or self.now < written + late:
            return {"events": []}
        lines = [f"opsctl: selftest {SELFTEST_ID} {model}", "opsctl: the end"]
        return {
            "events": [
                {"eventId": f"{number}", "logStreamName": logStreamNamePrefix, "timestamp": startTime, "message": line}
                for number, line in enumerate(lines)
            ]
        }
