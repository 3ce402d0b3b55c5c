"""The local platform's Batch doing to jobs what a plan of faults says, and counting it."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any

from opsctl.local.batch.job import Job, JobAttempt, now_ms
from opsctl.local.batch.retry import AttemptOutcome
from opsctl.local.batch.scheduler import CannotStart, Launcher, Running, Scheduler
from support.batch_fault_plan import Fault, FaultKind, FaultPlan

_LOG = logging.getLogger(__name__)
_CAPACITY_POLL_SECONDS = 0.1
_KILLED = 128 + 9
_OUT_OF_MEMORY = "OutOfMemoryError: Container killed due to memory usage"
_CANNOT_PULL = (
    "CannotPullContainerError: Error response from daemon: toomanyrequests: You have reached your pull rate limit. You"
    " may increase the limit by authenticating and upgrading: https://www.docker.com/increase-rate-limit"
)
_NO_CAPACITY = (
    "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY - Service cannot fulfill the capacity requested for instance type [{}]"
)


class BatchFaults:
    """The plan in force, and how often each fault has happened. Safe to call from any thread."""

    def __init__(self, plan: FaultPlan) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self.set_plan(plan)

    def set_plan(self, plan: FaultPlan) -> None:
        """Put another plan in force. An attempt that runs already keeps its fault."""
        with self._lock:
            self._plan, self._set_at, self._list_calls = plan, time.monotonic(), 0

    @property
    def counts(self) -> dict[str, int]:
        """How often each fault has really happened."""
        with self._lock:
            return dict(self._counts)

    def count(self, name: str, *details: object) -> None:
        """Count a fault that happened."""
        with self._lock:
            self._counts[name] += 1
        _LOG.info("fault %s %s", name, " ".join(map(str, details)))

    def fault(self, job: Job, attempt: JobAttempt) -> Fault | None:
        """The fault of an attempt, or None."""
        return self._plan.fault(job.number, name=job.request.name, index=job.index, attempt=attempt.number)

    def shortage(self, job: Job) -> str | None:
        """The reason why a job cannot start now, in AWS's words, or None."""
        with self._lock:
            no_capacity, set_at = self._plan.no_capacity, self._set_at
        queue = job.request.queue
        if no_capacity is None or not fnmatchcase(queue.name, no_capacity.queue):
            return None
        if no_capacity.seconds is not None and time.monotonic() - set_at >= no_capacity.seconds:
            return None
        return _NO_CAPACITY.format(",".join(queue.environments[0].compute_resources["instanceTypes"]))

    def listed(self, summaries: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Leave out the jobs that one ListJobs call does not know yet."""
        with self._lock:
            plan, number = self._plan, self._list_calls
            self._list_calls += 1
        if plan.stale_list is None or not plan.is_stale(number):
            return summaries
        self.count("stale_list", "call", number)
        until = now_ms() - plan.stale_list.seconds * 1000
        return [summary for summary in summaries if summary["createdAt"] <= until]


class FaultyScheduler(Scheduler):
    """A scheduler whose attempts meet the faults of a plan, and whose queues may be without capacity."""

    def __init__(self, launcher: Launcher, *, slots: int, faults: BatchFaults) -> None:
        self._faults = faults
        self._without_capacity: set[Job] = set()
        super().__init__(_FaultyLauncher(launcher, faults), slots=slots)
        threading.Thread(target=self._poll_capacity, name="capacity", daemon=True).start()

    def has_capacity(self, job: Job) -> bool:
        """Whether a job can start now."""
        # AWS writes the reason on the job that blocks its queue, the first, and on no other.
        reason = self._faults.shortage(job)
        if reason is not None:
            job.status_reason = reason
            self._without_capacity.add(job)
        elif job in self._without_capacity:
            job.status_reason = None
            self._without_capacity.discard(job)
        return reason is None

    def _poll_capacity(self) -> None:
        while not self._closing:
            time.sleep(_CAPACITY_POLL_SECONDS)
            with self._changed:
                self._changed.notify_all()


class _FaultyLauncher:
    """Starts attempts as `launcher` does, with their faults."""

    def __init__(self, launcher: Launcher, faults: BatchFaults) -> None:
        self._launcher = launcher
        self._faults = faults

    def start(self, job: Job, attempt: JobAttempt) -> Running:
        fault = self._faults.fault(job, attempt)
        if fault is None:
            return self._launcher.start(job, attempt)
        if fault.kind is FaultKind.CANNOT_PULL:
            self._faults.count(fault.kind, job.job_id, attempt.number)
            raise CannotStart(_CANNOT_PULL)
        return _FaultyAttempt(self._launcher.start(job, attempt), fault, self._faults, (job.job_id, attempt.number))


class _FaultyAttempt:
    """A running attempt that its fault ends."""

    def __init__(self, running: Running, fault: Fault, faults: BatchFaults, details: Iterable[object]) -> None:
        self._running, self._fault, self._faults, self._details = running, fault, faults, details
        self._terminated = False
        self._timer = threading.Timer(
            fault.after_seconds, running.stop if fault.kind is FaultKind.RECLAIMED else running.kill
        )
        self._timer.daemon = True
        self._timer.start()

    def stop(self) -> None:
        # Somebody's TerminateJob comes before the fault.
        self._terminated = True
        self._running.stop()

    def kill(self) -> None:
        self._running.kill()

    def wait(self) -> AttemptOutcome:
        outcome = self._running.wait()
        self._timer.cancel()
        if self._terminated or outcome.timed_out:
            return outcome
        if self._fault.kind is FaultKind.HOST_TERMINATED or (
            self._fault.kind is FaultKind.RECLAIMED and outcome.stopped
        ):
            # Also when the process was quicker: then the host goes before Batch hears of its end, and a job whose
            # result is whole counts as failed. That happens on AWS, and opsctl must not believe it.
            self._faults.count(self._fault.kind, *self._details)
            return AttemptOutcome(None, None, f"Host EC2 (instance {self._fault.instance_id}) terminated.")
        if outcome.stopped and outcome.exit_code == _KILLED:
            self._faults.count(self._fault.kind, *self._details)
            return replace(outcome, reason=_OUT_OF_MEMORY, stopped=False)
        return replace(outcome, stopped=False)
