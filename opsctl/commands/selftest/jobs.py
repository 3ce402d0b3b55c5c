"""The jobs of a self-test: submitted, watched until they have ended, and ended where they do not."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from opsctl.aws.batch.batch import Batch
from opsctl.aws.transient import is_transient
from opsctl.commands.retry import RetryPolicy, with_retry
from opsctl.core.diagnosis.blocked_reasons import is_blocked_reason
from opsctl.core.diagnosis.finding import Finding, Wait
from opsctl.core.diagnosis.pending_causes import blockers
from opsctl.core.diagnosis.queue_snapshot import QueueSnapshot
from opsctl.core.errors import Problem
from opsctl.core.runs.manifest import timestamp
from opsctl.core.runs.status import BatchJob
from opsctl.core.selftest.phases import Sightings, seconds_since

#: A job that waits longer is looked at as `opsctl why` looks at scans; and again after the same time.
_WHY_AFTER_SECONDS = 120.0
_WAITING = ("SUBMITTED", "PENDING", "RUNNABLE", "STARTING")
#: A job that was told to end is watched for so long: Batch kills it after 30 s.
_ENDING_SECONDS = 90.0
_ANSWER_TIMEOUT_SECONDS = 300.0
#: One reply without a job may be an old one.
_MISSES_OF_FORGOTTEN = 3


@dataclass(frozen=True, kw_only=True)
class WatchedJob:
    """A job as opsctl has seen it.

    Attributes
    ----------
    job
        As Batch showed it last; None before it did.
    misses
        How many polls in a row did not show it after an earlier one had.
    waits
        Why it waits; empty where it was not asked or is not known.
    looked_at
        How many seconds it had waited when it was last asked why.
    """

    model: str
    job_id: str
    seen: Sightings
    job: BatchJob | None = None
    misses: int = 0
    waits: tuple[Finding, ...] = ()
    looked_at: float = 0.0

    @property
    def status(self) -> str:
        """Batch's state of it, for people."""
        return self.job.status if self.job else "SUBMITTED"

    @property
    def is_forgotten(self) -> bool:
        """Whether Batch does not know the job any more."""
        return self.misses >= _MISSES_OF_FORGOTTEN

    @property
    def is_over(self) -> bool:
        """Whether Batch will not run it again, as far as is known."""
        return self.is_forgotten or (self.job is not None and self.job.is_over)


@dataclass(frozen=True, kw_only=True)
class Watching:
    """How jobs are watched.

    Attributes
    ----------
    look
        Takes the snapshot of a model's queue, to explain a wait.
    on_poll
        Called with all jobs after each poll, and with their new explanations.
    sleep, clock, now
        The passing of time: `clock` in seconds, never set back.
    """

    poll_seconds: float
    look: Callable[[str], QueueSnapshot]
    on_poll: Callable[[Sequence[WatchedJob]], None]
    sleep: Callable[[float], None]
    clock: Callable[[], float]
    now: Callable[[], datetime]


@dataclass
class SelftestJobs:
    """The submitted jobs, by model."""

    batch: Batch
    watching: Watching
    jobs: dict[str, WatchedJob] = field(default_factory=dict)

    def add(self, model: str, job_id: str) -> None:
        """Watch a job that Batch has just accepted."""
        seen = Sightings(submitted_at=timestamp(self.watching.now()))
        self.jobs[model] = WatchedJob(model=model, job_id=job_id, seen=seen)

    def wait(self, timeout_seconds: float) -> None:
        """Wait until every job has ended; end those that have not in time."""
        self._wait(timeout_seconds, explains=True)
        late = {model: job for model, job in self.jobs.items() if not job.is_over}
        if late:
            given_up_at = timestamp(self.watching.now())
            self.end("opsctl selftest: not through in time")
            # What the late ones waited for is the answer, and not that they were ended.
            self.jobs |= {
                model: replace(job, seen=replace(job.seen, stopped_at=given_up_at)) for model, job in late.items()
            }

    def end(self, reason: str) -> None:
        """End the jobs that have not ended, and see that they have: nothing may write after the cleanup.

        Raises
        ------
        Problem
            When Batch refuses, or does not answer.
        """
        unended = [job.job_id for job in self.jobs.values() if not job.is_over]
        if unended:
            self.batch.terminate_all(unended, reason=reason)
            self._wait(_ENDING_SECONDS, explains=False)

    def _wait(self, timeout_seconds: float, *, explains: bool) -> None:
        watching = self.watching
        retry = RetryPolicy(
            poll_seconds=watching.poll_seconds, timeout_seconds=_ANSWER_TIMEOUT_SECONDS, clock=watching.clock
        )
        deadline = watching.clock() + timeout_seconds
        while True:
            shown = with_retry(self._describe, retry, sleep=watching.sleep, on_fault=lambda _: None)
            self.jobs = {model: self._seen(job, shown) for model, job in self.jobs.items()}
            if explains:
                self.jobs = {model: self._explained(job) for model, job in self.jobs.items()}
            watching.on_poll(list(self.jobs.values()))
            if all(job.is_over for job in self.jobs.values()) or watching.clock() >= deadline:
                return
            watching.sleep(retry.pause)

    def _describe(self) -> Mapping[str, BatchJob]:
        return self.batch.describe([job.job_id for job in self.jobs.values() if not job.is_over])

    def _seen(self, watched: WatchedJob, shown: Mapping[str, BatchJob]) -> WatchedJob:
        if watched.is_over:
            return watched
        now, job = timestamp(self.watching.now()), shown.get(watched.job_id)
        if job is None:
            # DescribeJobs lags behind SubmitJob: a job that was never shown is waited for.
            return watched if watched.job is None else replace(watched, misses=watched.misses + 1)
        has_instance = job.status not in ("SUBMITTED", "PENDING", "RUNNABLE")
        seen = replace(
            watched.seen,
            starting_at=watched.seen.starting_at or (now if has_instance and not job.is_over else None),
            stopped_at=now if job.is_over else None,
        )
        return replace(watched, job=job, seen=seen, misses=0)

    def _explained(self, watched: WatchedJob) -> WatchedJob:
        """The job with the reasons why it waits, once it has waited for long."""
        job = watched.job
        if job is None or job.status not in _WAITING:
            return replace(watched, waits=())
        seconds = seconds_since([watched.seen.submitted_at], self.watching.now())
        if seconds - watched.looked_at < _WHY_AFTER_SECONDS:
            return watched
        # While a job waits for its next attempt, Batch's reason is still the end of the one before.
        reason = job.reason if is_blocked_reason(job.reason) else ""
        wait = Wait(status=job.status, seconds=seconds, reason=reason, job_id=job.job_id)
        try:
            findings = tuple(blockers(self.watching.look(watched.model), wait))
        except Problem as problem:
            if not is_transient(problem):
                raise
            findings = watched.waits
        return replace(watched, waits=findings, looked_at=seconds)
