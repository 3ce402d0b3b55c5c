"""Faults that happen: the local platform's Batch doing to jobs what a plan says, and counting it.

For tests and rehearsals only. A server that was started without `--faults` has none of this in its way.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from fnmatch import fnmatchcase

from opsctl.local.batch.job import Job, JobAttempt, now_ms
from opsctl.local.batch.queue import CannotStart, Launcher, Running
from opsctl.local.batch.retry import AttemptOutcome
from opsctl.local.faults import Fault, FaultKind, FaultPlan

_LOG = logging.getLogger(__name__)
FAULTS_PATH = "/_opsctl/faults"
_KILLED = 128 + 9
_OUT_OF_MEMORY = "OutOfMemoryError: Container killed due to memory usage"
_CANNOT_PULL = (
    "CannotPullContainerError: Error response from daemon: toomanyrequests: You have reached your pull rate limit. You"
    " may increase the limit by authenticating and upgrading: https://www.docker.com/increase-rate-limit"
)
_NO_CAPACITY = (
    "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY - Service cannot fulfill the capacity requested for instance type [{}]"
)


class Rehearsal:
    """The plan that holds now, and what has come of it. Calls may come from any thread."""

    def __init__(self, plan: FaultPlan) -> None:
        self._lock = threading.Lock()
        self._happened: Counter[str] = Counter()
        self.follow(plan)

    def follow(self, plan: FaultPlan) -> None:
        """Let another plan hold from now on; an attempt that is under way keeps its fate."""
        with self._lock:
            self._plan, self._since, self._lists = plan, time.monotonic(), 0

    @property
    def happened(self) -> dict[str, int]:
        """How often each fault has really happened."""
        with self._lock:
            return dict(self._happened)

    def note(self, name: str, *about: object) -> None:
        """Count a fault that happened."""
        with self._lock:
            self._happened[name] += 1
        _LOG.info("fault %s %s", name, " ".join(map(str, about)))

    def fault(self, job: Job, attempt: JobAttempt) -> Fault | None:
        """Tell what happens to an attempt, if anything."""
        return self._plan.fault(job.number, name=job.submission.name, index=job.index, attempt=attempt.number)

    def shortage(self, job: Job) -> str | None:
        """Give the reason why a job cannot start now, in AWS's words, or None."""
        with self._lock:
            short, since = self._plan.no_capacity, self._since
        queue = job.submission.queue
        if short is None or not fnmatchcase(queue.name, short.queue):
            return None
        if short.seconds is not None and time.monotonic() - since >= short.seconds:
            return None
        return _NO_CAPACITY.format(",".join(queue.environments[0].compute_resources["instanceTypes"]))

    def listed(self, jobs: Iterable[Job]) -> Iterable[Job]:
        """Leave out what one ListJobs call does not know of yet."""
        with self._lock:
            plan, number = self._plan, self._lists
            self._lists += 1
        if plan.stale_list is None or not plan.is_stale(number):
            return jobs
        self.note("stale_list", "call", number)
        until = now_ms() - plan.stale_list.seconds * 1000
        return (job for job in jobs if job.submission.created_at <= until)


class FaultyLauncher:
    """Starts attempts as `launcher` does, and lets them meet their faults."""

    def __init__(self, launcher: Launcher, rehearsal: Rehearsal) -> None:
        self._launcher = launcher
        self._rehearsal = rehearsal

    def start(self, job: Job, attempt: JobAttempt) -> Running:
        """Start an attempt; raises CannotStart, also where that is its fault."""
        fault = self._rehearsal.fault(job, attempt)
        if fault is None:
            return self._launcher.start(job, attempt)
        if fault.kind is FaultKind.CANNOT_PULL:
            self._rehearsal.note(fault.kind, job.job_id, attempt.number)
            raise CannotStart(_CANNOT_PULL)
        return _Doomed(self._launcher.start(job, attempt), fault, self._rehearsal, (job.job_id, attempt.number))


class _Doomed:
    """An attempt that is hit while it runs."""

    def __init__(self, running: Running, fault: Fault, rehearsal: Rehearsal, about: Iterable[object]) -> None:
        self._running, self._fault, self._rehearsal, self._about = running, fault, rehearsal, about
        self._asked = False
        hit = running.stop if fault.kind is FaultKind.RECLAIMED else running.kill
        self._timer = threading.Timer(fault.after_seconds, hit)
        self._timer.daemon = True
        self._timer.start()

    def stop(self) -> None:
        """Ask it to end, as somebody's TerminateJob does: that is then its end."""
        self._asked = True
        self._running.stop()

    def kill(self) -> None:
        """End it without a word to it."""
        self._running.kill()

    def wait(self) -> AttemptOutcome:
        """Block until it has ended."""
        outcome = self._running.wait()
        self._timer.cancel()
        if self._asked or outcome.timed_out:
            return outcome
        if self._fault.kind is FaultKind.HOST_TERMINATED or (
            self._fault.kind is FaultKind.RECLAIMED and outcome.stopped
        ):
            # Also when the process was quicker: then the host goes before Batch hears of its end, and a job whose
            # result is whole counts as failed. That happens, and a program must not believe it.
            self._rehearsal.note(self._fault.kind, *self._about)
            return AttemptOutcome(None, None, f"Host EC2 (instance {self._fault.instance_id}) terminated.")
        if outcome.stopped and outcome.exit_code == _KILLED:
            self._rehearsal.note(self._fault.kind, *self._about)
            return replace(outcome, reason=_OUT_OF_MEMORY, stopped=False)
        return replace(outcome, stopped=False)
