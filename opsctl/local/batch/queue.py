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


class Running(Protocol):
    """A started attempt."""

    def wait(self) -> AttemptOutcome:
        """Block until the attempt has ended."""

    def stop(self) -> None:
        """Ask it to end; it is killed when it does not. Returns at once."""

    def kill(self) -> None:
        """End it without a word to it. Returns before it has."""


class CannotStart(Exception):
    """An attempt whose process could not be started; the text is the container's reason."""


class Launcher(Protocol):
    """What turns a job into a process."""

    def start(self, job: Job, attempt: JobAttempt) -> Running:
        """Start the attempt and note its log stream; raises CannotStart."""


class Scheduler:
    """Takes jobs in, runs at most `slots` of them at once, by queue priority, then first come.

    A waiting job is an entry in a deque, not a thread: an array of 10,000 costs some megabytes. Every change of a job
    happens under one lock, which is never held while a process starts or is waited for.

    Parameters
    ----------
    launcher
        Starts the processes.
    slots
        How many jobs run at once.
    """

    def __init__(self, launcher: Launcher, *, slots: int) -> None:
        self._launcher = launcher
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._jobs: dict[str, Job] = {}
        self._roots: dict[str, list[Job]] = {}
        self._submitted: deque[Job] = deque()
        self._runnable: dict[str, deque[Job]] = {}
        self._numbers = count()
        self._closing = False
        self._threads = [
            threading.Thread(target=self._serve, name=f"slot-{slot}", daemon=True) for slot in range(slots)
        ]
        self._threads.append(threading.Thread(target=self._admit, name="admission", daemon=True))
        for thread in self._threads:
            thread.start()

    @property
    def lock(self) -> threading.RLock:
        """Hold it to read several facts of a job that belong together."""
        return self._lock

    def submit(self, submission: JobRequest, *, array_size: int | None) -> Job:
        """Take a job in, or a parent with its children, all SUBMITTED."""
        with self._lock:
            job = Job(str(uuid.uuid4()), submission, number=next(self._numbers))
            self._jobs[job.job_id] = job
            self._roots.setdefault(submission.queue.arn, []).append(job)
            for index in range(array_size or 0):
                child = Job(f"{job.job_id}:{index}", submission, number=next(self._numbers), parent=job, index=index)
                job.children.append(child)
                self._jobs[child.job_id] = child
            self._submitted.append(job)
            self._changed.notify_all()
            return job

    def find(self, job_id: str) -> Job | None:
        """Give the job with this id or ARN."""
        return self._jobs.get(job_id.rpartition(":job/")[2])

    def jobs(self, queue_arn: str) -> list[Job]:
        """Give a queue's plain jobs and parents, the newest first. Children are listed through their parent."""
        with self._lock:
            return self._roots.get(queue_arn, [])[::-1]

    def cancel(self, job: Job, *, reason: str) -> None:
        """End the job, or those of its children, that have not got as far as STARTING; others go on."""
        with self._lock:
            for one in self._unfinished(job):
                if one.status.waiting:
                    one.cancelled = True
                    one.stop_reason = one.stop_reason or reason
                    if not one.is_parent:
                        one.finish(Status.FAILED, one.stop_reason)

    def terminate(self, job: Job, *, reason: str) -> None:
        """End the job and all its children, running ones too: their processes get SIGTERM, later SIGKILL."""
        with self._lock:
            for one in self._unfinished(job):
                one.terminated = True
                one.stop_reason = one.stop_reason or reason
                if one.is_parent:
                    continue
                if one.status.waiting:
                    one.finish(Status.FAILED, one.stop_reason)
                elif one.running is not None:
                    one.running.stop()

    def close(self) -> None:
        """Take no further job, stop the running ones and wait until they have ended."""
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
        # The parent first: the last child's end must find the reason on it.
        return [one for one in (job, *job.children) if not one.status.finished]

    def _admit(self) -> None:
        while True:
            with self._changed:
                while not self._submitted and not self._closing:
                    self._changed.wait()
                if self._closing:
                    return
                job = self._submitted.popleft()
                if job.is_parent and not job.status.finished:
                    job.status = Status.PENDING
                for one in job.children or (job,):
                    if one.status is Status.SUBMITTED:
                        one.status = Status.RUNNABLE
                        self._line(one).append(one)
                self._changed.notify_all()

    def _line(self, job: Job) -> deque[Job]:
        return self._runnable.setdefault(job.submission.queue.arn, deque())

    def _take(self) -> Job | None:
        best: deque[Job] | None = None
        for line in self._runnable.values():
            while line and line[0].status is not Status.RUNNABLE:
                line.popleft()
            if line and self.has_capacity(line[0]) and (best is None or _urgency(line[0]) < _urgency(best[0])):
                best = line
        return best.popleft() if best else None

    def _serve(self) -> None:
        while (taken := self._next()) is not None:
            job, attempt = taken
            try:
                outcome = self._run(job, attempt)
            except Exception:
                # A fault of this program must cost one attempt, not a slot for the rest of the server's life.
                _LOG.exception("attempt %s of job %s", attempt.number, job.job_id)
                outcome = AttemptOutcome(None, "The local platform failed, see its server.log", "Task failed to start")
            with self._changed:
                self._settle(job, attempt, outcome)
                self._changed.notify_all()

    def _next(self) -> tuple[Job, JobAttempt] | None:
        with self._changed:
            while (job := self._take()) is None and not self._closing:
                self._changed.wait()
            if job is None or self._closing:
                return None
            job.status = Status.STARTING
            task = uuid.uuid4().hex
            owner, _, queue = job.submission.queue.arn.replace(":batch:", ":ecs:", 1).partition(":job-queue/")
            attempt = JobAttempt(len(job.attempts) + 1, f"{owner}:task/{queue}/{task}")
            job.attempts.append(attempt)
            return job, attempt

    def _run(self, job: Job, attempt: JobAttempt) -> AttemptOutcome:
        try:
            running = self._launcher.start(job, attempt)
        except CannotStart as error:
            return AttemptOutcome(None, str(error), "Task failed to start")
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

    def _settle(self, job: Job, attempt: JobAttempt, outcome: AttemptOutcome) -> None:
        attempt.stopped_at = now_ms()
        attempt.outcome = outcome
        job.running = None
        rules, attempts = job.submission.retry_rules, job.submission.attempts
        if outcome.succeeded:
            job.finish(Status.SUCCEEDED, outcome.status_reason)
        elif job.stop_reason is not None:
            job.finish(Status.FAILED, job.stop_reason)
        elif should_retry(outcome, attempt=attempt.number, attempts=attempts, rules=rules):
            job.status = Status.RUNNABLE
            job.status_reason = outcome.status_reason
            self._line(job).append(job)
        else:
            job.finish(Status.FAILED, outcome.status_reason)


def _urgency(job: Job) -> tuple[int, int]:
    return -int(job.submission.queue.priority), job.number
