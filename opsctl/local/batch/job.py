"""A Batch job and its states. Not locked: only the scheduler changes jobs, under its lock."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from opsctl.local.batch.retry import AttemptOutcome


class Status(StrEnum):
    """AWS Batch's states, in the order in which a job goes through them."""

    SUBMITTED = "SUBMITTED"
    PENDING = "PENDING"
    RUNNABLE = "RUNNABLE"
    STARTING = "STARTING"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"

    @property
    def finished(self) -> bool:
        """Whether the job has ended."""
        return self in (Status.SUCCEEDED, Status.FAILED)

    @property
    def waiting(self) -> bool:
        """Whether the job is not yet STARTING: CancelJob ends such a job, and no other."""
        return self in (Status.SUBMITTED, Status.PENDING, Status.RUNNABLE)


class _Clock:
    """A clock that is never set back: no attempt ends before it began, and log lines keep their order."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._latest_ms = 0

    def now_ms(self) -> int:
        with self._lock:
            self._latest_ms = max(self._latest_ms, time.time_ns() // 1_000_000)
            return self._latest_ms


_CLOCK = _Clock()


def now_ms() -> int:
    """Return the time in milliseconds since 1970 UTC, as in AWS's timestamps; never less than before."""
    return _CLOCK.now_ms()


@dataclass(frozen=True, slots=True)
class JobRequest:
    """The SubmitJob request that a job came from; a parent and its children share it.

    Parameters
    ----------
    definition
        moto's job definition, in the revision that was current at the submission.
    queue
        moto's job queue; its priority is read each time a job is chosen.
    container
        The definition's container properties with the request's overrides.
    attempts
        1 to 10.
    """

    name: str
    definition: Any
    queue: Any
    container: Mapping[str, Any]
    attempts: int = 1
    retry_rules: Sequence[Mapping[str, str]] = ()
    timeout_seconds: int | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    created_at: int = field(default_factory=now_ms)


@dataclass(slots=True)
class JobAttempt:
    """One start of a job's process. Times in milliseconds since 1970."""

    number: int
    task_arn: str
    log_stream: str | None = None
    started_at: int | None = None
    stopped_at: int | None = None
    outcome: AttemptOutcome | None = None


class Job:
    """A single job, the parent of an array, or one of its children.

    Parameters
    ----------
    job_id
        The id; a child's is `PARENT:INDEX`.
    number
        The position in the order of all submissions: jobs start in this order, and pages of lists end at a number.
    """

    __slots__ = (
        "_status", "attempts", "cancelled", "children", "counts", "counts_at", "index", "job_id", "number", "parent",
        "request", "running", "started_at", "status_reason", "stop_reason", "stopped_at", "terminated",
    )  # fmt: skip

    def __init__(
        self, job_id: str, request: JobRequest, *, number: int, parent: Job | None = None, index: int | None = None
    ) -> None:
        self.job_id = job_id
        self.request = request
        self.number = number
        self.parent = parent
        self.index = index
        self.children: list[Job] = []
        self.counts: Counter[Status] = Counter()
        self.counts_at = request.created_at
        self.attempts: list[JobAttempt] = []
        self.started_at: int | None = None
        self.stopped_at: int | None = None
        self.status_reason: str | None = None
        self.stop_reason: str | None = None
        self.cancelled = False
        self.terminated = False
        self.running: Any = None
        self._status = Status.SUBMITTED
        if parent is not None:
            parent.counts[Status.SUBMITTED] += 1

    @property
    def status(self) -> Status:
        """The state; setting it updates the parent's summary."""
        return self._status

    @status.setter
    def status(self, status: Status) -> None:
        if self.parent is not None:
            self.parent.counts[self._status] -= 1
            self.parent.counts[status] += 1
            self.parent.counts_at = now_ms()
        self._status = status

    @property
    def is_parent(self) -> bool:
        """Whether this job is the parent of an array."""
        return bool(self.children)

    def finish(self, status: Status, reason: str | None) -> None:
        """End the job, and its parent with the last of the children."""
        self.status = status
        self.status_reason = reason
        self.stopped_at = now_ms()
        self.running = None
        parent = self.parent
        if parent is not None and parent.counts[Status.SUCCEEDED] + parent.counts[Status.FAILED] == len(
            parent.children
        ):
            if parent.counts[Status.FAILED]:
                parent.finish(Status.FAILED, parent.stop_reason or "Array Child Job failed")
            else:
                parent.finish(Status.SUCCEEDED, None)
