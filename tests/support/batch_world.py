"""A scripted Batch client that counts its calls, and the records of runs in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from opsctl.aws.batch.batch import Batch
from opsctl.commands.runs.snapshot import SnapshotReader
from opsctl.core.costs.estimate import Rates
from opsctl.core.runs.attempt import Attempt
from opsctl.core.runs.manifest import Run
from opsctl.core.runs.result import Result
from opsctl.core.runs.snapshot import Pricing
from opsctl.core.runs.status import BatchJob, RunStatus
from opsctl.core.runs.submission import Submission, contradiction

MADE = "2026-11-22T12:00:00Z"
NOW = datetime(2026, 11, 22, 14, 0, 0, tzinfo=UTC)
RATES = Rates(
    instance_usd_per_hour=1.0,
    disk_usd_per_gib_hour=0.0,
    address_usd_per_hour=0.0,
    root_volume_gib=100,
    source="a test",
    kind="on-demand",
)
PRICING = Pricing(rates=RATES, is_local=False)
_ENDED = ("SUCCEEDED", "FAILED")
_PAGE = 1000


def made_run(count: int, *, run_id: str = "HNU1-20261122-120000-ab12", **changes: Any) -> Run:
    """A run that submits `count` scans in one job, unless `changes` say otherwise."""
    fields: dict[str, Any] = {
        "run_id": run_id,
        "dataset": "s3://data/HNU1",
        "output": "s3://data/HNU1/derivatives/m2g-csa-native",
        "m2g": {},
        "model": "csa",
        "image": "repo:0.1.0",
        "platform": "m2g",
        "region": "us-east-1",
        "scans": tuple(f"sub-{number:05d}" for number in range(count)),
        "created_at": MADE,
        "created_by": "ada",
        "command_line": ("opsctl", "run", "HNU1"),
        "opsctl_version": "0.1.0",
        "keys": ("k",) * count,
        "sizes": (count,),
        "resources": "csa",
        "attempt_timeout_seconds": 21_600,
        **changes,
    }
    return Run(**fields)


def submitted(run: Run, *, job_id: str = "p", number: int = 0, **changes: Any) -> Submission:
    """The record of one of a run's submissions."""
    fields: dict[str, Any] = {
        "number": number,
        "job_name": f"{run.run_id}-{number:02d}",
        "job_queue": "queue",
        "offset": sum(run.sizes[:number]),
        "size": run.sizes[number],
        "state": "submitted",
        "at": MADE,
        "job_id": job_id,
        **changes,
    }
    return Submission(**fields)


def made_result(index: int, *, job_id: str = "", **changes: Any) -> Result:
    """A succeeded result of one scan, or with `status="failed"` a failed one."""
    fields: dict[str, Any] = {
        "index": index,
        "scan": f"sub-{index:05d}",
        "key": "k",
        "status": "succeeded",
        "cause": "",
        "cause_code": "",
        "facts": {},
        "exit_code": 0,
        "attempt": 1,
        "started_at": "2026-11-22T12:01:00Z",
        "stopped_at": "2026-11-22T12:31:00Z",
        "seconds": {"m2g": 1800.0},
        "peak_memory_mib": 812,
        "connectomes": (),
        "files": (),
        "log_stream": f"csa/default/s{index}",
        "job_id": job_id or f"p:{index}",
        **changes,
    }
    return Result(**fields)


@dataclass
class Child:
    """One job.

    Attributes
    ----------
    attempts
        Exit code or None, and reason, of the attempts that have ended.
    told
        The same attempts as DescribeJobs shows them, with their times; takes the place of `attempts`.
    """

    status: str
    reason: str = ""
    exit_code: int | None = None
    attempts: tuple[tuple[int | None, str], ...] = ()
    told: list[dict[str, Any]] = field(default_factory=list)
    started_at: int | None = None
    streams: tuple[str, ...] = ()
    is_stubborn: bool = False  # terminating the parent does not end it


@dataclass
class BatchWorld:
    """A boto3 Batch client whose jobs a test sets."""

    arrays: dict[str, list[Child]] = field(default_factory=dict)
    plain: dict[str, Child] = field(default_factory=dict)
    names: dict[str, list[str]] = field(default_factory=dict)
    calls: Counter[str] = field(default_factory=Counter)
    terminated: list[tuple[str, str]] = field(default_factory=list)
    bulk_sizes: list[int] = field(default_factory=list)
    unending: set[str] = field(default_factory=set)
    #: The submissions by the ids of their jobs; a job that is not in it is the first one of `made_run`.
    job_names: dict[str, str] = field(default_factory=dict)
    data_bucket: str = "data"

    @property
    def adapter(self) -> Batch:
        client: Any = self
        return Batch(client, submit_client=client)

    def describe_jobs(self, *, jobs: list[str]) -> dict[str, Any]:
        self.calls["DescribeJobs"] += 1
        assert 1 <= len(jobs) <= 100
        return {"jobs": [reply for job_id in jobs if (reply := self._reply(job_id))]}

    def list_jobs(self, **request: Any) -> dict[str, Any]:
        self.calls["ListJobs"] += 1
        if "jobQueue" in request and "filters" not in request:
            replies = [reply for job_id in (*self.arrays, *self.plain) if (reply := self._reply(job_id))]
            return {"jobSummaryList": [reply for reply in replies if reply["status"] == request["jobStatus"]]}
        if "jobQueue" in request:
            ids = self.names.get(request["filters"][0]["values"][0], [])
            name = request["filters"][0]["values"][0]
            summaries = [{"jobId": job_id, "jobName": name, "createdAt": number} for number, job_id in enumerate(ids)]
            return {"jobSummaryList": summaries}
        children = self.arrays.get(request["arrayJobId"], [])
        start = int(request.get("nextToken", 0))
        indices = [number for number, child in enumerate(children) if child.status == request["jobStatus"]]
        page = indices[start : start + _PAGE]
        more = {"nextToken": str(start + _PAGE)} if len(indices) > start + _PAGE else {}
        return {"jobSummaryList": [self._summary(request["arrayJobId"], number) for number in page], **more}

    def get_paginator(self, name: str) -> BatchWorld:
        assert name == "list_jobs"
        return self

    def paginate(self, **request: Any) -> Iterator[dict[str, Any]]:
        while True:
            page = self.list_jobs(**request)
            yield page
            if "nextToken" not in page:
                return
            request["nextToken"] = page["nextToken"]

    def terminate_job(self, *, jobId: str, reason: str) -> None:
        self.calls["TerminateJob"] += 1
        self.terminated.append((jobId, reason))
        for child in self.arrays.get(jobId, []):
            if not child.is_stubborn:
                self._end(child, reason)
        if jobId in self.plain:
            self._end(self.plain[jobId], reason)

    def terminate_jobs(self, *, jobs: list[str], reason: str) -> dict[str, Any]:
        self.calls["TerminateJobs"] += 1
        self.bulk_sizes.append(len(jobs))
        assert 1 <= len(jobs) <= 50
        for job_id in jobs:
            self.terminated.append((job_id, reason))
            if job_id not in self.unending:
                self._end(self._child(job_id), reason)
        return {"successful": jobs, "errors": []}

    def _end(self, child: Child | None, reason: str) -> None:
        if child is not None and child.status not in _ENDED:
            child.status, child.reason = "FAILED", reason

    def _child(self, job_id: str) -> Child | None:
        parent, _, child_index = job_id.partition(":")
        return (
            self.arrays[parent][int(child_index)] if child_index and parent in self.arrays else self.plain.get(job_id)
        )

    def _summary(self, parent: str, child_index: int) -> dict[str, Any]:
        child = self.arrays[parent][child_index]
        return {**self._short(f"{parent}:{child_index}", child), "arrayProperties": {"index": child_index}}

    def _short(self, job_id: str, child: Child) -> dict[str, Any]:
        container = {} if child.exit_code is None else {"exitCode": child.exit_code}
        reply = {"jobId": job_id, **self._facts(job_id, container), "status": child.status}
        reply |= {} if child.started_at is None else {"startedAt": child.started_at}
        return {**reply, **({"statusReason": child.reason} if child.reason else {})}

    def _facts(self, job_id: str, container: dict[str, Any]) -> dict[str, Any]:
        """A job's name, and the environment that names its run."""
        name = self.job_names.get(job_id.partition(":")[0], "HNU1-20261122-120000-ab12-00")
        uri = f"s3://{self.data_bucket}/opsctl/runs/{name.rpartition('-')[0]}"
        return {
            "jobName": name,
            "container": {**container, "environment": [{"name": "OPSCTL_RUN_URI", "value": uri}]},
        }

    def _reply(self, job_id: str) -> dict[str, Any] | None:
        if job_id in self.arrays:
            counts = Counter(child.status for child in self.arrays[job_id])
            active = any(count for status, count in counts.items() if status not in _ENDED)
            return {
                "jobId": job_id,
                **self._facts(job_id, {}),
                "status": "PENDING" if active else "FAILED" if counts["FAILED"] else "SUCCEEDED",
                "arrayProperties": {"size": len(self.arrays[job_id]), "statusSummary": dict(counts)},
            }
        child = self._child(job_id)
        if child is None:
            return None
        reply = self._short(job_id, child)
        reply["attempts"] = [
            {
                "container": {} if code is None else {"exitCode": code},
                "statusReason": reason,
                "startedAt": 1,
                "stoppedAt": 2,
            }
            for code, reason in child.attempts
        ] or list(child.told)
        if child.streams:
            reply["container"]["logStreamName"] = child.streams[-1]
            reply["attempts"] += [{"container": {"logStreamName": stream}} for stream in child.streams[:-1]]
        child_index = job_id.partition(":")[2]
        return {**reply, **({"arrayProperties": {"index": int(child_index)}} if child_index else {})}


@dataclass
class MemoryRecords:
    """Stands in for `opsctl.commands.runs.records.Records`."""

    runs: dict[str, Run] = field(default_factory=dict)
    submission_logs: dict[str, list[Submission]] = field(default_factory=dict)
    written: dict[str, dict[int, Result]] = field(default_factory=dict)
    recorded_attempts: dict[str, list[Attempt]] = field(default_factory=dict)
    final_job_states: dict[str, dict[int, BatchJob]] = field(default_factory=dict)
    saves: int = 0
    reported: list[str] = field(default_factory=list)

    def add(self, run: Run, *submission_log: Submission, results: Iterable[Result] = ()) -> Run:
        self.runs[run.run_id] = run
        self.submission_logs[run.run_id] = list(submission_log)
        self.written[run.run_id] = {result.index: result for result in results}
        return run

    def run(self, run_id: str) -> Run:
        return self.runs[run_id]

    def submission_log(self, run_id: str, run: Run | None = None) -> list[Submission]:
        return [entry for entry in self.submission_logs[run_id] if run is None or not contradiction(entry, run)]

    def report_submission(self, run_id: str, submission: Submission, detail: str) -> None:
        self.reported.append(detail)

    def put_submission(self, run_id: str, submission: Submission) -> None:
        self.submission_logs[run_id] = [
            submission if entry.number == submission.number else entry for entry in self.submission_logs[run_id]
        ]

    def results(
        self, run_id: str, *, files: bool = False, contradiction: Callable[[Result], str] = lambda _: ""
    ) -> dict[int, Result]:
        return {
            index: result if files else result.without_files()
            for index, result in self.written[run_id].items()
            if not contradiction(result)
        }

    def result(
        self, run_id: str, index: int, *, contradiction: Callable[[Result], str] = lambda _: ""
    ) -> Result | None:
        result = self.written[run_id].get(index)
        return None if result is None or contradiction(result) else result

    def attempts(self, run_id: str) -> list[Attempt]:
        return list(self.recorded_attempts.get(run_id, ()))

    @contextmanager
    def reading_attempts(self, run_ids: Iterable[str]) -> Iterator[Callable[[str], list[Attempt]]]:
        """The real one reads them in a thread."""
        read = {run_id: self.attempts(run_id) for run_id in run_ids}
        yield read.__getitem__

    @contextmanager
    def reading_submissions(self, run_ids: Iterable[str]) -> Iterator[Callable[[str, Run | None], list[Submission]]]:
        """The real one reads them in a thread."""
        read = {run_id: list(self.submission_logs[run_id]) for run_id in run_ids}
        yield lambda run_id, run: [entry for entry in read[run_id] if run is None or not contradiction(entry, run)]

    def load_final_job_states(self, run_id: str) -> dict[int, BatchJob]:
        return dict(self.final_job_states.get(run_id, {}))

    def save_final_job_states(self, run_id: str, jobs: Mapping[int, BatchJob]) -> None:
        self.saves += 1
        self.final_job_states[run_id] = dict(jobs)

    def document(self, run_id: str, index: int) -> dict[str, Any]:
        name = self.runs[run_id].scans[index]
        inputs = [{"uri": f"s3://data/HNU1/{name}_dwi.nii.gz", "role": "dwi", "size_bytes": 9, "etag": "e"}]
        return {"inputs": inputs, "output": f"s3://data/out/{name}", "key": "k"}


def snapshots_of(run: Run, records: Any, batch: Batch, *, now: datetime = NOW) -> SnapshotReader:
    """The reader of a run's snapshots as a verb builds it, with a fixed clock."""
    return SnapshotReader(run, records=records, batch=batch, now=lambda: now, is_saving=True)


def status_of(reader: SnapshotReader, view: str = "progress") -> RunStatus:
    """The status that a view of the run gives: `progress` or `whole` with costs, `counts` without."""
    if view == "counts":
        return reader.counts()
    return getattr(reader, view)(wait_reason=True).with_costs(PRICING)
