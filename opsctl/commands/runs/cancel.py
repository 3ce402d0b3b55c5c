"""`cancel`: ends the jobs of a run, or of some of its scans, and waits until they have ended."""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass
from typing import Any

from opsctl.aws.batch.batch import UNFINISHED, Batch
from opsctl.commands.runs.array_jobs import SubmissionSlice, has_active_jobs
from opsctl.commands.runs.records import Records
from opsctl.commands.runs.snapshot import SnapshotReader
from opsctl.core.diagnosis.cause_code import CauseCode
from opsctl.core.runs.status import ACTIVE, RunStatus, ScanStatus, State, cancel_reason

#: Jobs that are still active after this long are terminated again, one by one. A running job has 30 s after SIGTERM.
_TERMINATE_AGAIN_SECONDS = 10.0
#: Up to this many children are described 100 per call; for more the whole array is listed.
_MOST_DESCRIBED = 500
#: Waiting ends after this long: a job that was told to end has been killed by then.
_TIMEOUT_SECONDS = 180.0


@dataclass(frozen=True, kw_only=True)
class CancelOutcome:
    """The result of a cancellation, as names of scans.

    Attributes
    ----------
    cancelled
        Scans whose jobs were ended before they were done.
    finished_before
        Scans that were done or failed before the cancellation.
    finished_meanwhile
        Scans that were done before the cancellation reached them.
    left
        Scans whose jobs are still active: Batch did not end them.
    """

    run_id: str
    cancelled: tuple[str, ...]
    finished_before: tuple[str, ...]
    finished_meanwhile: tuple[str, ...] = ()
    left: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """What `cancel --json` prints."""
        return {
            "schema_version": 1,
            "run_id": self.run_id,
            "cancelled": list(self.cancelled),
            "finished_before": list(self.finished_before),
            "finished_meanwhile": list(self.finished_meanwhile),
            "left": list(self.left),
        }


@dataclass(frozen=True, kw_only=True)
class CancelPlan:
    """What to cancel, and its status before the cancellation.

    Attributes
    ----------
    status
        Of the whole run.
    chosen
        The scans to cancel, whatever their state.
    is_whole
        Whether they are all scans of the run.
    """

    status: RunStatus
    chosen: tuple[ScanStatus, ...]
    is_whole: bool

    @property
    def active(self) -> tuple[ScanStatus, ...]:
        """The chosen scans that have an active job, or may get one."""
        return tuple(scan for scan in self.chosen if scan.state in ACTIVE)

    @property
    def finished(self) -> tuple[ScanStatus, ...]:
        """The chosen scans that are done or have failed."""
        return tuple(scan for scan in self.chosen if scan.state not in ACTIVE and scan.is_submitted)

    def empty_outcome(self) -> CancelOutcome:
        """The outcome where no chosen scan is active."""
        return CancelOutcome(
            run_id=self.status.run.run_id, cancelled=(), finished_before=tuple(scan.name for scan in self.finished)
        )


class Canceller:
    """Ends jobs of one run.

    Parameters
    ----------
    user
        Who cancels: Batch keeps the name in the jobs' reason.
    clock
        Seconds; only ever grows.
    timestamp
        The time now, UTC, ISO 8601.
    """

    def __init__(
        self,
        reader: SnapshotReader,
        *,
        records: Records,
        batch: Batch,
        user: str,
        sleep: Callable[[float], None],
        clock: Callable[[], float],
        timestamp: Callable[[], str],
    ) -> None:
        self._reader = reader
        self._records = records
        self._batch = batch
        self._reason = cancel_reason(user)
        self._user = user
        self._sleep = sleep
        self._clock = clock
        self._timestamp = timestamp

    def plan(self, indices: Sequence[int] | None) -> CancelPlan:
        """What would be cancelled; ends nothing yet.

        Parameters
        ----------
        indices
            The scans; None: the whole run.
        """
        status = self._reader.whole().status
        chosen = {scan.index for scan in status.scans} if indices is None else set(indices)
        return CancelPlan(
            status=status,
            chosen=tuple(scan for scan in status.scans if scan.index in chosen),
            is_whole=len(chosen) == len(status.scans),
        )

    def carry_out(self, plan: CancelPlan, *, poll_seconds: float) -> CancelOutcome:
        """End the jobs, and wait until all have ended or for three minutes.

        A terminated array does not prove that its children ended: those that are still active are terminated too.
        """
        chosen = {scan.index for scan in plan.chosen}
        parts = [part for part in self._reader.parts() if chosen & part.run_indices]
        if plan.is_whole:
            self._abandon_intended(plan.status.run.run_id)
        for part in self._with_active_jobs(parts):
            if part.is_whole and part.run_indices <= chosen:
                self._batch.terminate(part.submission.job_id, reason=self._reason)
            else:
                self._terminate(part, self._active(part, chosen))
        self._wait(parts, chosen, poll_seconds=poll_seconds)
        return self._outcome(plan)

    def _abandon_intended(self, run_id: str) -> None:
        """End every job of the submissions that are still `intended`, and abandon those that have no job."""
        for submission in self._reader.intended():
            # A submission whose reply was lost may have two jobs.
            job_ids = self._reader.job_ids_of(submission)
            for job_id in job_ids:
                self._batch.terminate(job_id, reason=self._reason)
            if not job_ids:
                # By this mark, a job of it that starts nevertheless writes nothing.
                abandoned = submission.abandoned(
                    f"cancelled by {self._user}", code=CauseCode.CANCELLED, at=self._timestamp()
                )
                self._records.put_submission(run_id, abandoned)

    def _with_active_jobs(self, parts: Sequence[SubmissionSlice]) -> list[SubmissionSlice]:
        summaries = self._reader.summaries(parts)
        return [part for part in parts if has_active_jobs(summaries.get(part.submission.job_id, {}))]

    def _terminate(self, part: SubmissionSlice, indices: Set[int]) -> None:
        job_ids = [
            part.job_id(origin_index)
            for origin_index, run_index in part.run_index_by_origin.items()
            if run_index in indices
        ]
        self._batch.terminate_all(job_ids, reason=self._reason)

    def _active(self, part: SubmissionSlice, chosen: Set[int]) -> set[int]:
        """The chosen scans, by this run's index, whose jobs in a submission have not ended."""
        submission = part.submission
        run_index_by_origin = {
            origin_index: run_index
            for origin_index, run_index in part.run_index_by_origin.items()
            if run_index in chosen
        }
        if submission.is_array and len(run_index_by_origin) > _MOST_DESCRIBED:
            active = {
                submission.offset + child_index
                for status in UNFINISHED
                for child_index in self._batch.children(submission.job_id, status)
            }
        else:
            jobs = self._batch.describe([part.job_id(origin_index) for origin_index in run_index_by_origin])
            active = {
                origin_index
                for origin_index in run_index_by_origin
                if (job := jobs.get(part.job_id(origin_index))) and not job.is_over
            }
        return {run_index for origin_index, run_index in run_index_by_origin.items() if origin_index in active}

    def _wait(self, parts: Sequence[SubmissionSlice], chosen: Set[int], *, poll_seconds: float) -> None:
        started = terminated = self._clock()
        while True:
            counted_active = self._with_active_jobs(parts) if chosen else []
            is_late = self._clock() - terminated >= _TERMINATE_AGAIN_SECONDS
            # While the arrays' summaries count active jobs of chosen scans only, no child is described or listed.
            if not counted_active or is_late or any(not part.run_indices <= chosen for part in counted_active):
                active_by_part = [(part, active) for part in parts if (active := self._active(part, chosen))]
                if not active_by_part:
                    return
                if is_late or not counted_active:
                    terminated = self._clock()
                    for part, active in active_by_part:
                        self._terminate(part, active)
            if self._clock() - started > _TIMEOUT_SECONDS:
                return
            self._sleep(poll_seconds)

    def _outcome(self, plan: CancelPlan) -> CancelOutcome:
        scans = self._reader.whole().scans

        def names(*states: State) -> tuple[str, ...]:
            return tuple(scan.name for scan in plan.active if scans[scan.index].state in states)

        return CancelOutcome(
            run_id=plan.status.run.run_id,
            cancelled=names("FAILED"),
            finished_before=tuple(scan.name for scan in plan.finished),
            finished_meanwhile=names("DONE"),
            left=names(*ACTIVE),
        )
