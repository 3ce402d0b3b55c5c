"""The scheduler: every job of the local platform, a bounded number of them running, one thread a slot."""

from __future__ import annotations

import logging
import threading
import uuid
from collections import deque
from collections.abc import Iterable
from itertools import count
from typing import Protocol

from opsctl.local.batch.job import Job, JobAttempt, JobRequest, Status, now_ms
from opsctl.local.batch.retry import AttemptOutcome, should_retry

_LOG = logging.getLogger(__name__)

#: The tag with a run's id, as `run` submits it.
RUN_TAG = "opsctl:run"


class Running(Protocol):
    """A started attempt."""

    def wait(self) -> AttemptOutcome:
        """Block until the attempt has ended."""

    def stop(self) -> None:
        """Send SIGTERM, and SIGKILL after the grace period. Returns at once."""

    def kill(self) -> None:
        """Kill all its processes without SIGTERM. Returns before they have ended."""


class CannotStart(Exception):
    """An attempt whose process could not be started; the message is the container's reason."""


class Launcher(Protocol):
    """Starts jobs."""

    def start(self, job: Job, attempt: JobAttempt) -> Running:
        """Start the attempt and note its log stream; raises CannotStart."""


class Scheduler:
    """Accepts jobs and runs at most `slots` of them at once, by queue priority, then in the order of submission.

    A waiting job is an entry in a deque, not a thread: an array of 10,000 costs some megabytes. Every change of a job
    happens under one lock, which is never held while a process starts or is waited for.

    Parameters
    ----------
    launcher
        Starts the attempts.
    slots
        How many jobs run at once.
    """

    def __init__(self, launcher: Launcher, *, slots: int) -> None:
        self._launcher = launcher
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._jobs: dict[str, Job] = {}
        self._jobs_by_queue: dict[str, list[Job]] = {}
        self._submitted: deque[Job] = deque()
        self._runnable_by_queue: dict[str, deque[Job]] = {}
        self._numbers = count()
        self._closing = False
        self._threads = [
            threading.Thread(target=self._run_jobs, name=f"slot-{slot}", daemon=True) for slot in range(slots)
        ]
        self._threads.append(threading.Thread(target=self._make_runnable, name="admission", daemon=True))
        for thread in self._threads:
            thread.start()

    @property
    def lock(self) -> threading.RLock:
        """Hold it to read several attributes of a job that must agree."""
        return self._lock

    def submit(self, request: JobRequest, *, array_size: int | None) -> Job:
        """Accept a job, or the parent of an array with its children, all SUBMITTED."""
        with self._lock:
            job = Job(str(uuid.uuid4()), request, number=next(self._numbers))
            self._jobs[job.job_id] = job
            self._jobs_by_queue.setdefault(request.queue.arn, []).append(job)
            for index in range(array_size or 0):
                child = Job(f"{job.job_id}:{index}", request, number=next(self._numbers), parent=job, index=index)
                job.children.append(child)
                self._jobs[child.job_id] = child
            self._submitted.append(job)
            self._changed.notify_all()
            return job

    def find(self, job_id: str) -> Job | None:
        """Return the job with this id or ARN."""
        return self._jobs.get(job_id.rpartition(":job/")[2])

    def jobs(self, queue_arn: str) -> list[Job]:
        """Return a queue's single jobs and array parents, the newest first. Children are listed by their parent."""
        with self._lock:
            return self._jobs_by_queue.get(queue_arn, [])[::-1]

    def active_runs(self) -> set[str]:
        """Return the ids of opsctl's runs that have a job which has not ended."""
        with self._lock:
            jobs = [job for jobs in self._jobs_by_queue.values() for job in jobs if not job.status.finished]
            return {job.request.tags.get(RUN_TAG, "") for job in jobs}

    def cancel(self, job: Job, *, reason: str) -> None:
        """End the job, or those of its children, that are not yet STARTING; others go on."""
        with self._lock:
            for unfinished in self._unfinished(job):
                if unfinished.status.waiting:
                    unfinished.cancelled = True
                    unfinished.stop_reason = unfinished.stop_reason or reason
                    if not unfinished.is_parent:
                        unfinished.finish(Status.FAILED, unfinished.stop_reason)

    def terminate(self, job: Job, *, reason: str) -> None:
        """End the job and all its children, running ones too: their processes get SIGTERM, later SIGKILL."""
        with self._lock:
            for unfinished in self._unfinished(job):
                unfinished.terminated = True
                unfinished.stop_reason = unfinished.stop_reason or reason
                if unfinished.is_parent:
                    continue
                if unfinished.status.waiting:
                    unfinished.finish(Status.FAILED, unfinished.stop_reason)
                elif unfinished.running is not None:
                    unfinished.running.stop()

    def close(self) -> None:
        """Start no further job, stop the running ones and wait until they have ended."""
        with self._lock:
            self._closing = True
            for job in self._jobs.values():
                if job.running is not None:
                    job.stop_reason = job.stop_reason or "The local platform was stopped"
                    job.running.stop()
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def has_capacity(self, job: Job) -> bool:  # noqa: ARG002
        """Whether the first job of a queue can start: always, since the slots are all the capacity there is."""
        return True

    @staticmethod
    def _unfinished(job: Job) -> Iterable[Job]:
        # The parent first: when the last child ends, the reason must stand on the parent.
        return [member for member in (job, *job.children) if not member.status.finished]

    def _make_runnable(self) -> None:
        while True:
            with self._changed:
                while not self._submitted and not self._closing:
                    self._changed.wait()
                if self._closing:
                    return
                submitted = self._submitted.popleft()
                if submitted.is_parent and not submitted.status.finished:
                    submitted.status = Status.PENDING
                for job in submitted.children or (submitted,):
                    if job.status is Status.SUBMITTED:
                        job.status = Status.RUNNABLE
                        self._runnable(job).append(job)
                self._changed.notify_all()

    def _runnable(self, job: Job) -> deque[Job]:
        return self._runnable_by_queue.setdefault(job.request.queue.arn, deque())

    def _pop_runnable(self) -> Job | None:
        best: deque[Job] | None = None
        for jobs in self._runnable_by_queue.values():
            while jobs and jobs[0].status is not Status.RUNNABLE:
                jobs.popleft()
            if jobs and self.has_capacity(jobs[0]) and (best is None or _start_order(jobs[0]) < _start_order(best[0])):
                best = jobs
        return best.popleft() if best else None

    def _run_jobs(self) -> None:
        while (started := self._next_attempt()) is not None:
            job, attempt = started
            try:
                outcome = self._run(job, attempt)
            except Exception:
                # A bug must cost one attempt, not a slot for the rest of the server's life.
                _LOG.exception("attempt %s of job %s", attempt.number, job.job_id)
                outcome = AttemptOutcome.not_started("The local platform failed, see its server.log")
            with self._changed:
                self._end_attempt(job, attempt, outcome)
                self._changed.notify_all()

    def _next_attempt(self) -> tuple[Job, JobAttempt] | None:
        with self._changed:
            while (job := self._pop_runnable()) is None and not self._closing:
                self._changed.wait()
            if job is None or self._closing:
                return None
            job.status = Status.STARTING
            task = uuid.uuid4().hex
            owner, _, queue = job.request.queue.arn.replace(":batch:", ":ecs:", 1).partition(":job-queue/")
            attempt = JobAttempt(len(job.attempts) + 1, f"{owner}:task/{queue}/{task}")
            job.attempts.append(attempt)
            return job, attempt

    def _run(self, job: Job, attempt: JobAttempt) -> AttemptOutcome:
        try:
            running = self._launcher.start(job, attempt)
        except CannotStart as error:
            return AttemptOutcome.not_started(str(error))
        with self._lock:
            attempt.started_at = now_ms()
            job.started_at = attempt.started_at
            if job.parent is not None and job.parent.started_at is None:
                job.parent.started_at = attempt.started_at
            job.status = Status.RUNNING
            job.running = running
            if job.stop_reason is not None or self._closing:
                running.stop()
        return running.wait()

    def _end_attempt(self, job: Job, attempt: JobAttempt, outcome: AttemptOutcome) -> None:
        attempt.stopped_at = now_ms()
        attempt.outcome = outcome
        job.running = None
        rules, attempts = job.request.retry_rules, job.request.attempts
        if outcome.succeeded:
            job.finish(Status.SUCCEEDED, outcome.status_reason)
        elif job.stop_reason is not None:
            job.finish(Status.FAILED, job.stop_reason)
        elif should_retry(outcome, attempt=attempt.number, attempts=attempts, rules=rules):
            job.status = Status.RUNNABLE
            job.status_reason = outcome.status_reason
            self._runnable(job).append(job)
        else:
            job.finish(Status.FAILED, outcome.status_reason)


def _start_order(job: Job) -> tuple[int, int]:
    return -int(job.request.queue.priority), job.number
