"""A run's status: results and Batch's jobs joined. Results take precedence, because Batch forgets its jobs."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from opsctl.core import bounded
from opsctl.core.diagnosis.causes import Group, grouped
from opsctl.core.diagnosis.reason import Facts, Reason, batch_reason
from opsctl.core.record import SCHEMA_VERSION as RECORD_VERSION
from opsctl.core.record import RecordReader
from opsctl.core.runs.attempt import Attempt
from opsctl.core.runs.failure_reason import failure_reason
from opsctl.core.runs.manifest import Run
from opsctl.core.runs.result import Result
from opsctl.core.runs.result_record import ResultWarning
from opsctl.core.runs.scan_warnings import WarningGroup, grouped_warnings
from opsctl.core.runs.state import DailyState, daily_counts, daily_state

if TYPE_CHECKING:
    from opsctl.core.costs.bill import Bill
    from opsctl.core.costs.money import Money
    from opsctl.core.runs.progress import ScanProgress
    from opsctl.core.runs.time_left import RunTimes

State = Literal["PENDING", "RUNNABLE", "STARTING", "RUNNING", "FAILED", "DONE"]
STATES: tuple[State, ...] = ("PENDING", "RUNNABLE", "STARTING", "RUNNING", "FAILED", "DONE")
ACTIVE: tuple[State, ...] = ("PENDING", "RUNNABLE", "STARTING", "RUNNING")

#: Version of `status --json`; docs/status.schema.json describes it.
SCHEMA_VERSION = 2

FROM_BATCH: Mapping[str, State] = {
    "SUBMITTED": "PENDING",
    "PENDING": "PENDING",
    "RUNNABLE": "RUNNABLE",
    "STARTING": "STARTING",
    "RUNNING": "RUNNING",
    "FAILED": "FAILED",
}

#: Batch's statuses of a job that it will not run again.
ENDED = ("SUCCEEDED", "FAILED")

#: The fields of a scan's progress, of a scan that does not run.
NOT_RUNNING: Mapping[str, None] = {"phase": None, "running_seconds": None, "remaining_seconds": None}

#: Matches the reason that `opsctl cancel` passes to Batch; `status` shows the name in it.
_CANCELLED = re.compile(r"opsctl cancel: by ([^;]+)")


def cancel_reason(user: str) -> str:
    """The reason that `opsctl cancel` passes to Batch for a user."""
    return f"opsctl cancel: by {user}"


@dataclass(frozen=True, kw_only=True)
class BatchJob:
    """A scan's job, as Batch describes it.

    Attributes
    ----------
    status
        SUBMITTED, PENDING, RUNNABLE, STARTING, RUNNING, SUCCEEDED or FAILED.
    reason
        Batch's status reason and the container's, in that order; empty where there is none.
    attempts
        The ended attempts, oldest first; empty where only ListJobs was called, which does not return them.
    log_streams
        The log stream of every attempt, oldest first.
    created_at
        When Batch accepted it.
    started_at, stopped_at
        When its latest attempt began to run, and when the job ended; UTC, ISO 8601. None where that is not so, or not
        known.
    """

    job_id: bounded.JobId
    status: bounded.JobStatus
    reason: bounded.Cause = ""
    exit_code: bounded.ExitCode | None = None
    attempts: tuple[Attempt, ...] = ()
    log_streams: tuple[bounded.LogStream, ...] = ()
    started_at: bounded.Moment | None = None
    stopped_at: bounded.Moment | None = None
    created_at: bounded.Moment | None = None

    @property
    def is_over(self) -> bool:
        """Whether Batch will not run the job again."""
        return self.status in ENDED

    @property
    def cancelled_by(self) -> str | None:
        """Who ended the job with `opsctl cancel`; None where nobody did."""
        match = _CANCELLED.search(self.reason) if self.status == "FAILED" else None
        return match[1].strip() if match else None

    def of_scan(self, index: int) -> BatchJob:
        """A copy whose attempts have the scan's index in the run instead of its index in the array."""
        return replace(self, attempts=tuple(replace(attempt, index=index) for attempt in self.attempts))


@dataclass(frozen=True, kw_only=True)
class FinalJobStates:
    """The jobs of `final_job_states.json`, by the scan's index in the run that submitted them."""

    jobs: Mapping[bounded.Index, BatchJob]

    def as_json(self) -> dict[str, Any]:
        """The file's content."""
        jobs = {str(index): asdict(job) for index, job in sorted(self.jobs.items())}
        return {"schema_version": RECORD_VERSION, "jobs": jobs}

    @classmethod
    def decode(cls, data: bytes, uri: str) -> FinalJobStates:
        """Read the file.

        Raises
        ------
        UnreadableRecord
            If it is damaged, or of another version.
        """
        return _FINAL_JOB_STATES.decode(data, uri)


_FINAL_JOB_STATES = RecordReader(
    FinalJobStates, hint="Until it is restored or deleted, the jobs that AWS Batch has forgotten are missing."
)


@dataclass(frozen=True, kw_only=True)
class ScanStatus:
    """One scan of a run.

    Attributes
    ----------
    state
        In AWS Batch's words; `daily` is the same in a user's.
    cause
        Why it failed or what it waits for, in words; may be empty.
    cause_code, facts
        The same as a code (`opsctl.core.diagnosis.cause_code`), and what the cause is made of; empty where `cause` is.
    attempt
        Number of the latest attempt, from 1; 0 where none has started or none is known.
    seconds
        Duration of the whole attempt; 0 while there is no result.
    retried
        Why each attempt before the latest ended, oldest first.
    is_submitted
        Whether Batch has, or had, a job for it.
    warnings
        Why somebody should look at it, although it is done.
    """

    index: int
    name: str
    state: State
    cause: str = ""
    cause_code: str = ""
    facts: Facts = field(default_factory=dict, hash=False)
    attempt: int = 0
    seconds: float = 0.0
    retried: tuple[Reason, ...] = ()
    is_submitted: bool = True
    warnings: tuple[ResultWarning, ...] = ()

    @property
    def reason(self) -> Reason:
        """Its cause as a whole."""
        return Reason(self.cause_code, self.cause, self.facts)

    @property
    def daily(self) -> DailyState:
        """Its state in a user's words: a scan that was cancelled has not failed."""
        return daily_state(self.state, self.cause_code)

    def as_json(self, progress: ScanProgress | None = None) -> dict[str, Any]:
        """An entry of `scans` in `status --json`, with the scan's progress while it runs."""
        return {
            "scan": self.name,
            "state": self.state,
            "daily_state": str(self.daily),
            **self.reason.as_json(),
            "attempt": self.attempt,
            "seconds": round(self.seconds, 3),
            **(NOT_RUNNING if progress is None else progress.as_json()),
            "retried": [reason.as_json() for reason in self.retried],
            "submitted": self.is_submitted,
            "warnings": [asdict(warning) for warning in self.warnings],
        }


@dataclass(frozen=True, kw_only=True)
class RunStatus:
    """A run and its scans.

    Attributes
    ----------
    scans
        All scans; where the children of an array were not listed, all but those that `unlisted` counts.
    unlisted
        Number of further scans by state.
    wait_reason
        Why the RUNNABLE scans wait: Batch's reason for the first in its queue; empty where it gives none.
    bill
        What the run's own jobs have cost so far at AWS's prices, also on the local platform; None where not computed.
    times
        How long the run has taken, and about how long it will go on; None where attempts were not read.
    adopted_bill
        What the jobs of earlier runs have cost that process scans of this run.
    is_local
        Whether the jobs run on this machine and cost nothing.
    progress
        Of each scan that runs, listed or not, by index; empty where attempts were not read.
    """

    run: Run
    scans: tuple[ScanStatus, ...]
    unlisted: Mapping[State, int] = field(default_factory=dict)
    wait_reason: str = ""
    bill: Bill | None = None
    adopted_bill: Bill | None = None
    is_local: bool = False
    progress: Mapping[int, ScanProgress] = field(default_factory=dict, hash=False)
    times: RunTimes | None = None

    @property
    def daily_counts(self) -> dict[DailyState, int]:
        """Number of scans by state in a user's words, zeros included."""
        return daily_counts((scan.daily for scan in self.scans), more=self.unlisted)

    @property
    def counts(self) -> dict[State, int]:
        """Number of scans by state in AWS Batch's words, zeros included."""
        counts = Counter(scan.state for scan in self.scans) + Counter(self.unlisted)
        return {state: counts[state] for state in STATES}

    @property
    def total(self) -> int:
        """Number of scans in the run, without those that were deleted on request."""
        return sum(self.counts.values())

    @property
    def failed(self) -> tuple[ScanStatus, ...]:
        """The scans whose jobs failed, and those that were never submitted; without those that were cancelled."""
        return tuple(scan for scan in self.scans if scan.daily is DailyState.FAILED)

    @property
    def cancelled(self) -> tuple[ScanStatus, ...]:
        """The scans whose jobs, or whose submission, somebody cancelled."""
        return tuple(scan for scan in self.scans if scan.daily is DailyState.CANCELLED)

    @property
    def cancellations(self) -> list[Group]:
        """The cancelled scans, by cause."""
        return grouped({scan.name: scan.reason for scan in self.cancelled}, run=self.run)

    @property
    def failures(self) -> list[Group]:
        """The scans whose jobs failed, by cause, the largest group first."""
        return grouped({scan.name: scan.reason for scan in self.failed if scan.is_submitted}, run=self.run)

    @property
    def unsubmitted(self) -> list[Group]:
        """The scans that were never submitted, by reason."""
        return grouped({scan.name: scan.reason for scan in self.failed if not scan.is_submitted}, run=self.run)

    @property
    def warnings(self) -> list[WarningGroup]:
        """The scans that are done and need a look, by the warning's code."""
        return grouped_warnings((scan.name, warning) for scan in self.scans for warning in scan.warnings)

    @property
    def is_all_done(self) -> bool:
        """Whether no scan waits, runs, failed or was cancelled."""
        return self.is_over and not self.failed and not self.cancelled

    @property
    def money(self) -> Money | None:
        """What the run's own jobs have cost so far; None where not computed."""
        return None if self.bill is None else self.bill.money(is_local=self.is_local)

    @property
    def is_over(self) -> bool:
        """Whether no scan is waiting or running."""
        counts = self.counts
        return not any(counts[state] for state in ACTIVE)

    def as_json(self) -> dict[str, Any]:
        """What `status --json` prints."""
        bill, times = self.bill, self.times
        return {
            "schema_version": SCHEMA_VERSION,
            "run_id": self.run.run_id,
            "dataset": self.run.dataset,
            "output": self.run.output,
            "created_at": self.run.created_at,
            "counts": {**self.counts, "TOTAL": self.total},
            "daily_counts": {str(state): count for state, count in self.daily_counts.items()},
            "deleted": self.run.deleted_count,
            "grown": self.run.is_grown,
            "grows_to_mib": self.run.grows_to_mib,
            "over": self.is_over,
            "times": None if times is None else times.as_json(),
            "wait_reason": self.wait_reason,
            "wait_code": batch_reason(self.wait_reason).code,
            "cost": None
            if bill is None
            else {
                **bill.money(is_local=self.is_local).as_json(),
                "adopted_usd": round(self.adopted_bill.usd if self.adopted_bill is not None else 0.0, 4),
                "hours": round(bill.hours, 4),
                "attempts": bill.attempts,
                "lost_attempts": bill.lost_attempts,
                "lost_usd": round(bill.lost_usd, 4),
                "basis": bill.basis,
            },
            "failures": [_group_json(group) for group in self.failures],
            "cancelled": [_group_json(group) for group in self.cancellations],
            "unsubmitted": [_group_json(group) for group in self.unsubmitted],
            "warnings": [group.as_json() for group in self.warnings],
            "scans": [scan.as_json(self.progress.get(scan.index)) for scan in self.scans],
        }


def _group_json(group: Group) -> dict[str, Any]:
    return {
        "code": group.code,
        "title": group.title,
        "help": group.help,
        "example": group.example,
        "scans": list(group.scans),
    }


def join(
    run: Run,
    *,
    results: Mapping[int, Result],
    jobs: Mapping[int, BatchJob],
    unsubmitted: Mapping[int, ScanStatus] | None = None,
    indices: Iterable[int] | None = None,
) -> RunStatus:
    """Join what is known of each scan. A scan is done when its result says `succeeded`.

    Parameters
    ----------
    results
        The existing results by scan index.
    jobs
        Batch's jobs by scan index; missing where Batch was not asked or has forgotten the job.
    unsubmitted
        The status of each scan that Batch has no job for (`opsctl.core.runs.unsubmitted_scans`).
    indices
        The scans to include; None includes all. A scan that was deleted on request is never included.
    """
    unsubmitted = unsubmitted or {}
    scans = []
    for index in run.remaining if indices is None else (index for index in indices if run.scans[index]):
        result, job = results.get(index), jobs.get(index)
        if index in unsubmitted and result is None and job is None:
            scans.append(unsubmitted[index])
        else:
            scans.append(_scan_status(index, run.scans[index], result, job))
    return RunStatus(run=run, scans=tuple(scans))


def _scan_status(index: int, name: str, result: Result | None, job: BatchJob | None) -> ScanStatus:
    if result is not None and result.succeeded:
        return ScanStatus(
            index=index,
            name=name,
            state="DONE",
            attempt=result.attempt,
            seconds=result.total_seconds,
            warnings=result.warnings,
        )
    ended = len(job.attempts) if job is not None else 0
    if job is not None and not job.is_over:
        # While Batch retries, the failed result of an earlier attempt does not count.
        active = ScanStatus(index=index, name=name, state=FROM_BATCH[job.status], attempt=ended)
        return _with_reason(active, batch_reason(job.reason))
    # A lost last attempt left no result: the existing one is an earlier attempt's.
    is_lost = result is not None and job is not None and ended > result.attempt and job.job_id == result.job_id
    failed = ScanStatus(index=index, name=name, state="FAILED", attempt=ended)
    if result is not None and not is_lost:
        failed = replace(failed, attempt=result.attempt, seconds=result.total_seconds)
    return _with_reason(failed, failure_reason(None if is_lost else result, job))


def _with_reason(scan: ScanStatus, reason: Reason) -> ScanStatus:
    return replace(scan, cause=reason.message, cause_code=reason.code, facts=reason.facts)
