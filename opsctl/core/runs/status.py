"""A run's status: the results' word joined with Batch's. Results win; Batch's state is a hint that ages out."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from opsctl.core.diagnosis.causes import Group, grouped
from opsctl.core.runs.attempt import Attempt
from opsctl.core.runs.manifest import Run
from opsctl.core.runs.result import Result

if TYPE_CHECKING:
    from opsctl.core.costs.cost import Bill

State = Literal["PENDING", "RUNNABLE", "STARTING", "RUNNING", "FAILED", "DONE"]
STATES: tuple[State, ...] = ("PENDING", "RUNNABLE", "STARTING", "RUNNING", "FAILED", "DONE")
ACTIVE: tuple[State, ...] = ("PENDING", "RUNNABLE", "STARTING", "RUNNING")

#: Of `status --json`: docs/status.schema.json.
SCHEMA_VERSION = 1

FROM_BATCH: Mapping[str, State] = {
    "SUBMITTED": "PENDING",
    "PENDING": "PENDING",
    "RUNNABLE": "RUNNABLE",
    "STARTING": "STARTING",
    "RUNNING": "RUNNING",
    "FAILED": "FAILED",
}

#: What `opsctl cancel` gives Batch as its reason; `status` reads the person's name out of it again.
_CANCELLED = re.compile(r"opsctl cancel: by ([^;]+)")


def cancel_reason(user: str) -> str:
    """The reason that Batch keeps of a job which a person has ended."""
    return f"opsctl cancel: by {user}"


@dataclass(frozen=True, kw_only=True)
class BatchJob:
    """Batch's word on one scan's job.

    Attributes
    ----------
    status
        As Batch names it: SUBMITTED, PENDING, RUNNABLE, STARTING, RUNNING, SUCCEEDED or FAILED.
    reason
        Batch's status reason and the container's, in that order, empty where there is none.
    attempts
        Those that have ended, oldest first; empty where only ListJobs was asked, which does not tell them.
    log_streams
        Every attempt's stream, oldest first.
    """

    job_id: str
    status: str
    reason: str = ""
    exit_code: int | None = None
    attempts: tuple[Attempt, ...] = ()
    log_streams: tuple[str, ...] = ()

    @property
    def is_over(self) -> bool:
        """Whether Batch will not run it again."""
        return self.status in ("SUCCEEDED", "FAILED")

    @property
    def cancelled_by(self) -> str | None:
        """Who ended it with `opsctl cancel`; None where nobody did."""
        match = _CANCELLED.search(self.reason) if self.status == "FAILED" else None
        return match[1].strip() if match else None

    def of_scan(self, index: int) -> BatchJob:
        """The same, its attempts at the scan's index in a run rather than in the array."""
        return replace(self, attempts=tuple(replace(one, index=index) for one in self.attempts))

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> BatchJob:
        """What was written down of it (`final_job_states.json`)."""
        attempts = tuple(Attempt(**one) for one in value["attempts"])
        return cls(**{**value, "attempts": attempts, "log_streams": tuple(value["log_streams"])})


@dataclass(frozen=True, kw_only=True)
class ScanStatus:
    """One scan of a run.

    Attributes
    ----------
    cause
        Why it failed or what it waits for, in words; empty where nothing is to be said.
    attempt
        The latest, from 1; 0 where none has begun, or nobody told.
    seconds
        The whole attempt, 0 while there is no result.
    retried
        Why each attempt before the latest ended, oldest first.
    is_submitted
        Whether Batch has (had) a job for it.
    """

    index: int
    name: str
    state: State
    cause: str = ""
    attempt: int = 0
    seconds: float = 0.0
    retried: tuple[str, ...] = ()
    is_submitted: bool = True

    def as_json(self) -> dict[str, Any]:
        """One of `scans` in `status --json`."""
        return {
            "scan": self.name,
            "state": self.state,
            "cause": self.cause,
            "attempt": self.attempt,
            "seconds": round(self.seconds, 3),
            "retried": list(self.retried),
            "submitted": self.is_submitted,
        }


@dataclass(frozen=True, kw_only=True)
class RunStatus:
    """A run and its scans.

    Attributes
    ----------
    scans
        Every scan; or, where Batch's children were not listed, all but those that `unlisted` counts.
    unlisted
        How many further scans are in which state.
    wait_reason
        Why the scans in RUNNABLE wait, as Batch says of the first in the line; empty where it says nothing.
    bill
        What the jobs that it submitted have cost so far, as AWS charges, on the local platform too; None where nobody
        reckoned.
    adopted_bill
        What earlier runs' jobs have cost that did or do scans of it.
    is_local
        Whether it really costs nothing: the jobs run on this machine.
    """

    run: Run
    scans: tuple[ScanStatus, ...]
    unlisted: Mapping[State, int] = field(default_factory=dict)
    wait_reason: str = ""
    bill: Bill | None = None
    adopted_bill: Bill | None = None
    is_local: bool = False

    @property
    def counts(self) -> dict[State, int]:
        """How many scans are in each state, every state named."""
        found = Counter(scan.state for scan in self.scans) + Counter(self.unlisted)
        return {state: found[state] for state in STATES}

    @property
    def total(self) -> int:
        """How many scans the run has."""
        return sum(self.counts.values())

    @property
    def failed(self) -> tuple[ScanStatus, ...]:
        """The scans that need a person: those that failed, and those that were never submitted."""
        return tuple(scan for scan in self.scans if scan.state == "FAILED")

    @property
    def failures(self) -> list[Group]:
        """The scans whose jobs failed, by cause, the largest group first."""
        return grouped({scan.name: scan.cause for scan in self.failed if scan.is_submitted}, run=self.run)

    @property
    def unsubmitted(self) -> list[Group]:
        """The scans that were never submitted, by the reason."""
        return grouped({scan.name: scan.cause for scan in self.failed if not scan.is_submitted}, run=self.run)

    @property
    def is_over(self) -> bool:
        """Whether no job will change anything any more."""
        counts = self.counts
        return not any(counts[state] for state in ACTIVE)

    def as_json(self) -> dict[str, Any]:
        """What `status --json` prints."""
        bill = self.bill
        return {
            "schema_version": SCHEMA_VERSION,
            "run_id": self.run.run_id,
            "dataset": self.run.dataset,
            "output": self.run.output,
            "created_at": self.run.created_at,
            "counts": {**self.counts, "TOTAL": self.total},
            "over": self.is_over,
            "wait_reason": self.wait_reason,
            "cost": None
            if bill is None
            else {
                "usd": 0.0 if self.is_local else round(bill.usd, 4),
                "usd_on_aws": round(bill.usd, 4),
                "adopted_usd_on_aws": round(self.adopted_bill.usd if self.adopted_bill is not None else 0.0, 4),
                "hours": round(bill.hours, 4),
                "attempts": bill.attempts,
                "lost_attempts": bill.lost_attempts,
                "lost_usd": round(bill.lost_usd, 4),
                "basis": bill.basis,
            },
            "failures": [_group_json(group) for group in self.failures],
            "unsubmitted": [_group_json(group) for group in self.unsubmitted],
            "scans": [scan.as_json() for scan in self.scans],
        }


def _group_json(group: Group) -> dict[str, Any]:
    return {"title": group.title, "help": group.help, "example": group.example, "scans": list(group.scans)}


def join(
    run: Run,
    *,
    results: Mapping[int, Result],
    jobs: Mapping[int, BatchJob],
    unsubmitted: Mapping[int, ScanStatus] | None = None,
    indices: Iterable[int] | None = None,
) -> RunStatus:
    """What each scan of a run is, by the rule: done when its result says `succeeded`.

    Parameters
    ----------
    run
        The run's record.
    results
        By the scan's index; those that are there.
    jobs
        Batch's word by the scan's index; missing where Batch was not asked or has forgotten.
    unsubmitted
        What is to be said of the scans that Batch has no job for (`opsctl.core.runs.unsubmitted_scans`).
    indices
        The scans that are meant; None: all.
    """
    never: Mapping[int, ScanStatus] = unsubmitted or {}
    scans = []
    for index in range(len(run.scans)) if indices is None else indices:
        result, job = results.get(index), jobs.get(index)
        if index in never and result is None and job is None:
            scans.append(never[index])
        else:
            scans.append(_scan_status(index, run.scans[index], result, job))
    return RunStatus(run=run, scans=tuple(scans))


def _scan_status(index: int, name: str, result: Result | None, job: BatchJob | None) -> ScanStatus:
    if result is not None and result.succeeded:
        return ScanStatus(index=index, name=name, state="DONE", attempt=result.attempt, seconds=result.total_seconds)
    tried = len(job.attempts) if job is not None else 0
    if job is not None and not job.is_over:
        # A failed result of an earlier attempt does not count while Batch tries again.
        return ScanStatus(index=index, name=name, state=FROM_BATCH[job.status], cause=job.reason, attempt=tried)
    cause = _cause(result, job)
    # A last attempt that was lost left no result: the one that stands is an earlier attempt's.
    if result is None or (tried > result.attempt and job is not None and job.job_id == result.job_id):
        return ScanStatus(index=index, name=name, state="FAILED", cause=cause, attempt=tried)
    return ScanStatus(
        index=index, name=name, state="FAILED", cause=cause, attempt=result.attempt, seconds=result.total_seconds
    )


def _cause(result: Result | None, job: BatchJob | None) -> str:
    if job is not None and job.cancelled_by is not None:
        # The job that is told to end says only that somebody told it.
        return f"cancelled by {job.cancelled_by}"
    lost = job is not None and result is not None and job.job_id == result.job_id and len(job.attempts) > result.attempt
    if result is not None and not lost:
        return result.cause or f"exit code {result.exit_code}"
    if job is None:
        return "no result, and AWS Batch does not know the job"
    if job.status == "SUCCEEDED":
        return "the job ended well but left no result"
    code = f"exit code {job.exit_code}" if job.exit_code is not None else ""
    return ": ".join(word for word in (code, job.reason) if word) or "failed without a reason"
