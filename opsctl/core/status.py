"""A run's status: the results' word joined with Batch's. Results win; Batch's state is a hint that ages out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from opsctl.core.manifest import Run
from opsctl.core.result import Result

State = Literal["PENDING", "RUNNABLE", "STARTING", "RUNNING", "FAILED", "DONE"]
STATES: tuple[State, ...] = ("PENDING", "RUNNABLE", "STARTING", "RUNNING", "FAILED", "DONE")
ACTIVE: tuple[State, ...] = ("PENDING", "RUNNABLE", "STARTING", "RUNNING")

_FROM_BATCH: dict[str, State] = {
    "SUBMITTED": "PENDING",
    "PENDING": "PENDING",
    "RUNNABLE": "RUNNABLE",
    "STARTING": "STARTING",
    "RUNNING": "RUNNING",
    "FAILED": "FAILED",
}


@dataclass(frozen=True, kw_only=True)
class Job:
    """Batch's word on one scan's job.

    Attributes
    ----------
    status
        As Batch names it: SUBMITTED, PENDING, RUNNABLE, STARTING, RUNNING, SUCCEEDED or FAILED.
    reason
        Batch's status reason and the container's, in that order, empty where there is none.
    attempts
        How many there were; the last one's stream is `log_stream`.
    log_streams
        Every attempt's stream, oldest first.
    """

    job_id: str
    status: str
    reason: str = ""
    exit_code: int | None = None
    attempts: int = 0
    log_streams: tuple[str, ...] = ()

    @property
    def is_over(self) -> bool:
        """Whether Batch will not run it again."""
        return self.status in ("SUCCEEDED", "FAILED")


@dataclass(frozen=True, kw_only=True)
class ScanStatus:
    """One scan of a run.

    Attributes
    ----------
    cause
        Why it failed or what it waits for, in words; empty where nothing is to be said.
    seconds
        The whole attempt, 0 while there is no result.
    """

    index: int
    name: str
    state: State
    cause: str = ""
    attempt: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, kw_only=True)
class RunStatus:
    """A run and its scans."""

    run: Run
    scans: tuple[ScanStatus, ...]

    @property
    def counts(self) -> dict[State, int]:
        """How many scans are in each state, every state named."""
        found = Counter(scan.state for scan in self.scans)
        return {state: found[state] for state in STATES}

    @property
    def failed(self) -> tuple[ScanStatus, ...]:
        """The scans that need a person."""
        return tuple(scan for scan in self.scans if scan.state == "FAILED")

    @property
    def is_over(self) -> bool:
        """Whether no job will change anything any more."""
        return not any(scan.state in ACTIVE for scan in self.scans)

    def as_json(self) -> dict[str, Any]:
        """What `status --json` prints."""
        return {
            "run_id": self.run.run_id,
            "dataset": self.run.dataset,
            "output": self.run.output,
            "created_at": self.run.created_at,
            "counts": {**self.counts, "TOTAL": len(self.scans)},
            "over": self.is_over,
            "scans": [
                {
                    "scan": scan.name,
                    "state": scan.state,
                    "cause": scan.cause,
                    "attempt": scan.attempt,
                    "seconds": round(scan.seconds, 3),
                }
                for scan in self.scans
            ],
        }


def join(run: Run, *, results: Mapping[int, Result], jobs: Mapping[int, Job]) -> RunStatus:
    """What each scan of a run is, by the rule: done when its result says `succeeded`.

    Parameters
    ----------
    run
        The run's record.
    results
        By the scan's index; those that are there.
    jobs
        Batch's word by the scan's index; missing where Batch was not asked or has forgotten.
    """
    return RunStatus(
        run=run,
        scans=tuple(
            _scan_status(index, name, results.get(index), jobs.get(index)) for index, name in enumerate(run.scans)
        ),
    )


def _scan_status(index: int, name: str, result: Result | None, job: Job | None) -> ScanStatus:
    if result is not None and result.succeeded:
        return ScanStatus(index=index, name=name, state="DONE", attempt=result.attempt, seconds=result.total_seconds)
    if job is not None and not job.is_over:
        # A failed result of an earlier attempt does not count while Batch tries again.
        return ScanStatus(index=index, name=name, state=_FROM_BATCH[job.status], cause=job.reason, attempt=job.attempts)
    if result is not None:
        return ScanStatus(
            index=index,
            name=name,
            state="FAILED",
            cause=result.cause or f"exit code {result.exit_code}",
            attempt=result.attempt,
            seconds=result.total_seconds,
        )
    if job is None:
        return ScanStatus(
            index=index, name=name, state="FAILED", cause="no result, and AWS Batch does not know the job"
        )
    if job.status == "SUCCEEDED":
        return ScanStatus(
            index=index, name=name, state="FAILED", cause="the job ended well but left no result", attempt=job.attempts
        )
    return ScanStatus(index=index, name=name, state="FAILED", cause=_cause(job), attempt=job.attempts)


def _cause(job: Job) -> str:
    code = f"exit code {job.exit_code}" if job.exit_code is not None else ""
    return ": ".join(word for word in (code, job.reason) if word) or "failed without a reason"
