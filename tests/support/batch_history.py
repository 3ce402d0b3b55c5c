"""A Batch client whose jobs a test plays by hand, by a clock of its own: it shows and forgets what AWS does.

The jobs themselves (`PlayedJob`) keep the truth: nothing is ever removed from them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from opsctl.aws.batch.batch import Batch
from opsctl.local.batch.retry import AttemptOutcome, should_retry
from support.fake_batch import Fault
from support.local_servers import retry_strategy

_STRATEGY = retry_strategy()
REMEMBERED = timedelta(days=7)
EXITED = "Essential container in task exited"
NO_IMAGE = "CannotPullContainerError: Error response from daemon: Get https://registry/v2/"
TIMED_OUT = "Job attempt duration exceeded timeout"
_ENDED = ("SUCCEEDED", "FAILED")
_PAGE = 1000


@dataclass
class PlayedAttempt:
    """One start of a job, as it truly was; times by Batch's clock.

    Attributes
    ----------
    started_at
        None where the image could not be pulled.
    stopped_at
        None while it runs.
    """

    number: int
    log_stream: str
    started_at: datetime | None
    stopped_at: datetime | None = None
    exit_code: int | None = None
    status_reason: str = ""
    reason: str = ""


@dataclass
class PlayedJob:
    """A plain job or an array's child.

    Attributes
    ----------
    offset
        The index of the submission's first scan, from the job's environment.
    index
        The index in the array; None for a plain job.
    stopping
        Why it is being ended, once TerminateJob was called for it while it ran.
    before, changed_at
        What the job was before its last change: ListJobs may still show that.
    """

    job_id: str
    run_uri: str
    offset: int
    index: int | None
    status: str = "RUNNABLE"
    reason: str = ""
    stopping: str = ""
    stopped_at: datetime | None = None
    attempts: list[PlayedAttempt] = field(default_factory=list)
    before: PlayedJob | None = None
    changed_at: datetime | None = None

    @property
    def is_over(self) -> bool:
        return self.status in _ENDED

    @property
    def running(self) -> PlayedAttempt | None:
        """The attempt that runs."""
        return self.attempts[-1] if self.attempts and self.attempts[-1].stopped_at is None else None

    @property
    def scan_index(self) -> int:
        """The scan's index in the run that submitted the job."""
        return self.offset + (self.index or 0)


@dataclass
class Submitted:
    """What one SubmitJob made: an array with its children, or one plain job."""

    job_id: str
    name: str
    queue: str
    created_at: datetime
    jobs: list[PlayedJob]
    is_lost: bool = False

    @property
    def is_array(self) -> bool:
        return self.jobs[0].index is not None

    @property
    def is_over(self) -> bool:
        return all(job.is_over for job in self.jobs)


@dataclass
class BatchHistory:
    """The client, and what a test makes happen behind it.

    Attributes
    ----------
    now
        Batch's clock.
    faults
        For the coming SubmitJobs, in order; None: it goes well.
    lag
        ListJobs shows every job as it was so long ago.
    on_stop
        Called with a running job that TerminateJob ends: the process gets SIGTERM.
    """

    now: Callable[[], datetime]
    faults: list[Fault | None] = field(default_factory=list)
    lag: timedelta = timedelta()
    on_stop: Callable[[PlayedJob], None] = lambda job: None
    submitted: list[Submitted] = field(default_factory=list)
    calls: Counter[str] = field(default_factory=Counter)

    def adapter(self) -> Batch:
        client: Any = self
        return Batch(client, submit_client=client)

    @property
    def jobs(self) -> list[PlayedJob]:
        """Every job there ever was, also those that Batch has forgotten."""
        return [job for parent in self.submitted for job in parent.jobs]

    def knows(self, job: PlayedJob) -> bool:
        """Whether Batch still shows a job."""
        return any(job in parent.jobs and self._is_known(parent) for parent in self.submitted)

    # What happens to jobs.

    def place(self, job: PlayedJob) -> None:
        """Capacity has come: an instance is got ready."""
        self._change(job, status="STARTING")

    def refuse_image(self, job: PlayedJob) -> None:
        """The registry does not answer: an attempt ends that never started."""
        number = len(job.attempts) + 1
        job.attempts.append(
            PlayedAttempt(
                number, "", None, self.now(), status_reason="Task failed to start", reason=f"{NO_IMAGE}: i/o timeout"
            )
        )
        self._decide(job, AttemptOutcome(None, job.attempts[-1].reason, "Task failed to start"))

    def start(self, job: PlayedJob) -> PlayedAttempt:
        """The job's next attempt runs."""
        self._change(job, status="RUNNING")
        number = len(job.attempts) + 1
        stream = f"csa/default/{job.job_id.replace(':', '-')}-{number}"
        job.attempts.append(PlayedAttempt(number, stream, self.now()))
        return job.attempts[-1]

    def end(
        self, job: PlayedJob, *, exit_code: int | None, status_reason: str = EXITED, timed_out: bool = False
    ) -> None:
        """The running attempt ends; Batch tries again or not, by the job definition's rules."""
        attempt = job.running
        assert attempt is not None
        attempt.stopped_at, attempt.exit_code, attempt.status_reason = self.now(), exit_code, status_reason
        self._decide(
            job, AttemptOutcome(exit_code, None, status_reason, timed_out=timed_out, stopped=bool(job.stopping))
        )

    def lose(self, job: PlayedJob) -> None:
        """The running attempt's instance is gone."""
        instance = f"i-{abs(hash_of(job.job_id)):017x}"[:19]
        self.end(job, exit_code=None, status_reason=f"Host EC2 (instance {instance}) terminated.")

    def lose_everything(self) -> None:
        """Batch itself is gone with its jobs (a local server that was killed): it never knew of them afterwards."""
        for job in self.jobs:
            attempt = job.running
            if attempt is not None:
                attempt.stopped_at = self.now()
            if not job.is_over:
                job.status = "FAILED"
        for parent in self.submitted:
            parent.is_lost = True

    # What Batch is asked.

    def submit_job(self, **request: Any) -> dict[str, str]:
        self.calls["SubmitJob"] += 1
        fault = self.faults.pop(0) if self.faults else None
        job_id = ""
        if fault is None or fault.carried_out:
            job_id = self._submit(request)
        if fault is not None:
            raise fault.raised
        return {"jobId": job_id}

    def describe_jobs(self, *, jobs: list[str]) -> dict[str, Any]:
        self.calls["DescribeJobs"] += 1
        assert 1 <= len(jobs) <= 100, "DescribeJobs takes 1 to 100 jobs"
        return {"jobs": [detail for job_id in dict.fromkeys(jobs) if (detail := self._described(job_id))]}

    def list_jobs(
        self,
        *,
        arrayJobId: str = "",
        jobQueue: str = "",
        jobStatus: str = "RUNNING",
        filters: list[dict[str, Any]] | None = None,
        nextToken: str = "0",
    ) -> dict[str, Any]:
        self.calls["ListJobs"] += 1
        start = int(nextToken)
        entries: list[dict[str, Any]] = []
        for parent in self.submitted:
            if not self._is_known(parent) or self.now() - parent.created_at < self.lag:
                continue
            if arrayJobId == parent.job_id:
                shown = [self._shown(job) for job in parent.jobs]
                entries += [_entry(parent, job) for job in shown if job.status == jobStatus]
            elif jobQueue == parent.queue:
                entry = self._parent_entry(parent)
                # AWS compares names without regard to case, and a filter by name goes for every status.
                names = [name.lower() for name in filters[0]["values"]] if filters else None
                if entry["status"] == jobStatus if names is None else parent.name.lower() in names:
                    entries.append(entry)
        more = {"nextToken": str(start + _PAGE)} if len(entries) > start + _PAGE else {}
        return {"jobSummaryList": entries[start : start + _PAGE], **more}

    def get_paginator(self, operation: str) -> BatchHistory:
        assert operation == "list_jobs", operation
        return self

    def paginate(self, **request: Any) -> Iterator[dict[str, Any]]:
        while True:
            page = self.list_jobs(**request)
            yield page
            if "nextToken" not in page:
                return
            request["nextToken"] = page["nextToken"]

    def terminate_job(self, *, jobId: str, reason: str) -> dict[str, Any]:
        self.calls["TerminateJob"] += 1
        for parent in self.submitted:
            for job in parent.jobs:
                if jobId in (parent.job_id, job.job_id) and self._is_known(parent):
                    self._terminate(job, reason)
        return {}

    def terminate_jobs(self, *, jobs: list[str], reason: str) -> dict[str, Any]:
        assert 1 <= len(jobs) <= 50, "TerminateJobs takes 1 to 50 jobs"
        for job_id in jobs:
            self.terminate_job(jobId=job_id, reason=reason)
        return {"successful": jobs, "errors": []}

    def _submit(self, request: dict[str, Any]) -> str:
        job_id = f"job-{len(self.submitted)}"
        variables = {
            entry["name"]: entry["value"] for entry in request.get("containerOverrides", {}).get("environment", ())
        }
        run_uri, offset = variables.get("OPSCTL_RUN_URI", ""), int(variables.get("OPSCTL_SCAN_OFFSET", 0))
        size = request.get("arrayProperties", {}).get("size")
        jobs = (
            [PlayedJob(job_id, run_uri, offset, None)]
            if size is None
            else [PlayedJob(f"{job_id}:{index}", run_uri, offset, index) for index in range(size)]
        )
        self.submitted.append(Submitted(job_id, request["jobName"], request["jobQueue"], self.now(), jobs))
        return job_id

    def _decide(self, job: PlayedJob, outcome: AttemptOutcome) -> None:
        if outcome.succeeded:
            self._finish(job, "SUCCEEDED", outcome.status_reason)
        elif should_retry(
            outcome, attempt=len(job.attempts), attempts=_STRATEGY["attempts"], rules=_STRATEGY["evaluateOnExit"]
        ):
            self._change(job, status="RUNNABLE", reason=outcome.status_reason)
        else:
            self._finish(job, "FAILED", job.stopping or outcome.status_reason)

    def _terminate(self, job: PlayedJob, reason: str) -> None:
        if job.is_over:
            return
        if job.running is None:
            self._finish(job, "FAILED", reason)
        elif not job.stopping:
            job.stopping = reason
            self.on_stop(job)

    def _change(self, job: PlayedJob, *, status: str, reason: str | None = None) -> None:
        job.before, job.changed_at = replace(job, before=None), self.now()
        job.status, job.reason = status, job.reason if reason is None else reason

    def _finish(self, job: PlayedJob, status: str, reason: str) -> None:
        self._change(job, status=status, reason=reason)
        job.stopped_at = self.now()

    def _is_known(self, parent: Submitted) -> bool:
        if parent.is_lost:
            return False
        last = max((job.stopped_at for job in parent.jobs if job.stopped_at), default=None)
        return not parent.is_over or last is None or self.now() - last < REMEMBERED

    def _shown(self, job: PlayedJob) -> PlayedJob:
        is_stale = job.before is not None and job.changed_at is not None and self.now() - job.changed_at < self.lag
        return job.before if is_stale and job.before is not None else job

    def _described(self, job_id: str) -> dict[str, Any] | None:
        for parent in self.submitted:
            if not self._is_known(parent):
                continue
            for job in parent.jobs:
                if job.job_id == job_id:
                    return _detail(parent, job)
            if parent.job_id == job_id:
                entry = self._parent_entry(parent)
                return {**entry, "container": {**entry.get("container", {}), **_environment(parent)}}
        return None

    def _parent_entry(self, parent: Submitted) -> dict[str, Any]:
        if not parent.is_array:
            return _entry(parent, parent.jobs[0])
        counts = Counter(job.status for job in parent.jobs)
        status = "PENDING" if not parent.is_over else "FAILED" if counts["FAILED"] else "SUCCEEDED"
        return {
            "jobId": parent.job_id,
            "jobName": parent.name,
            "createdAt": _milliseconds(parent.created_at),
            "status": status,
            "arrayProperties": {"size": len(parent.jobs), "statusSummary": dict(counts)},
        }


def hash_of(text: str) -> int:
    """A number of a text, the same in every process."""
    return int.from_bytes(text.encode()[-7:], "big")


def _entry(parent: Submitted, job: PlayedJob) -> dict[str, Any]:
    """A job in ListJobs: without its attempts."""
    last = job.attempts[-1] if job.attempts else None
    container = _exit(last) if last is not None else {}
    started = [attempt.started_at for attempt in job.attempts if attempt.started_at is not None]
    return {
        "jobId": job.job_id,
        "jobName": parent.name,
        "createdAt": _milliseconds(parent.created_at),
        "status": job.status,
        **({"statusReason": job.reason} if job.reason else {}),
        **({"startedAt": _milliseconds(started[-1])} if started else {}),
        **({"stoppedAt": _milliseconds(job.stopped_at)} if job.stopped_at else {}),
        **({"container": container} if container else {}),
        **({"arrayProperties": {"index": job.index}} if job.index is not None else {}),
    }


def _detail(parent: Submitted, job: PlayedJob) -> dict[str, Any]:
    """A job in DescribeJobs: with the attempts that have ended, and the container of the last one."""
    entry = _entry(parent, job)
    stream = {"logStreamName": job.attempts[-1].log_stream} if job.attempts and job.attempts[-1].log_stream else {}
    ended = [_attempt(attempt) for attempt in job.attempts if attempt.stopped_at is not None]
    return {**entry, "container": {**entry.get("container", {}), **_environment(parent), **stream}, "attempts": ended}


def _environment(parent: Submitted) -> dict[str, Any]:
    return {"environment": [{"name": "OPSCTL_RUN_URI", "value": parent.jobs[0].run_uri}]}


def _exit(attempt: PlayedAttempt) -> dict[str, Any]:
    code = {} if attempt.exit_code is None else {"exitCode": attempt.exit_code}
    return {**code, **({"reason": attempt.reason} if attempt.reason else {})}


def _attempt(attempt: PlayedAttempt) -> dict[str, Any]:
    stream = {"logStreamName": attempt.log_stream} if attempt.log_stream else {}
    return {
        "container": {**stream, **_exit(attempt)},
        **({"startedAt": _milliseconds(attempt.started_at)} if attempt.started_at else {}),
        **({"stoppedAt": _milliseconds(attempt.stopped_at)} if attempt.stopped_at else {}),
        "statusReason": attempt.status_reason,
    }


def _milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
