"""`cancel`: ends a run's jobs, or some of them, and looks until every one has ended."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from opsctl.aws.batch.batch import UNFINISHED, Batch
from opsctl.commands.runs.array_jobs import SubmissionSlice
from opsctl.commands.runs.records import Records
from opsctl.commands.runs.status import StatusReader
from opsctl.core.runs.status import ACTIVE, RunStatus, ScanStatus, State, cancel_reason

#: A running job gets SIGTERM and then thirty seconds; what still goes on after so long is asked again one by one.
_MOP_UP_SECONDS = 10.0
#: So many children are described by the hundred rather than found by listing the whole array.
_FEW = 500
#: The end of looking: by then a job that was told to end has been killed.
_PATIENCE_SECONDS = 180.0


@dataclass(frozen=True, kw_only=True)
class CancelOutcome:
    """What came of it, scans by name.

    Attributes
    ----------
    cancelled
        Whose jobs have ended without being done.
    finished_before, finished_meanwhile
        Done or failed when it was asked for; done by themselves before it reached them.
    left
        Whose jobs go on: Batch would not end them.
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
    """What is to be cancelled, as it stands before.

    Attributes
    ----------
    status
        The whole run.
    chosen
        The scans that are meant.
    is_whole
        Whether they are all of the run's.
    """

    status: RunStatus
    chosen: tuple[ScanStatus, ...]
    is_whole: bool

    @property
    def active(self) -> tuple[ScanStatus, ...]:
        """Those that have a job, or may get one."""
        return tuple(scan for scan in self.chosen if scan.state in ACTIVE)

    @property
    def finished(self) -> tuple[ScanStatus, ...]:
        """Those that are done or have failed."""
        return tuple(scan for scan in self.chosen if scan.state not in ACTIVE and scan.is_submitted)

    def nothing(self) -> CancelOutcome:
        """What came of it where nothing was active."""
        return CancelOutcome(
            run_id=self.status.run.run_id, cancelled=(), finished_before=tuple(scan.name for scan in self.finished)
        )


class Canceller:
    """Ends the jobs of one run.

    Parameters
    ----------
    reader
        Where the run stands.
    user
        Who asked: Batch keeps it as the reason.
    sleep, clock
        Waits, and tells how many seconds have gone; injected.
    """

    def __init__(
        self,
        reader: StatusReader,
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

    def intent(self, indices: Sequence[int] | None) -> CancelPlan:
        """What would be cancelled; nothing is ended yet.

        Parameters
        ----------
        indices
            None: the whole run.
        """
        status = self._reader.whole()
        wanted = set(range(len(status.scans))) if indices is None else set(indices)
        return CancelPlan(
            status=status,
            chosen=tuple(scan for scan in status.scans if scan.index in wanted),
            is_whole=len(wanted) == len(status.scans),
        )

    def carry_out(self, intent: CancelPlan, *, poll_seconds: float) -> CancelOutcome:
        """End them, and look until all have ended or patience has.

        A parent's end is not taken for its children's: the children are looked at, and those that go on are told
        themselves.
        """
        wanted = {scan.index for scan in intent.chosen}
        parts = [part for part in self._reader.parts() if wanted & set(part.here.values())]
        if intent.is_whole:
            self._give_up(intent.status.run.run_id)
        for part in self._unfinished(parts):
            if part.is_whole and set(part.here.values()) <= wanted:
                self._batch.terminate(part.submission.job_id, reason=self._reason)
            else:
                self._tell(part, self._active(part, wanted))
        self._wait(parts, wanted, poll_seconds=poll_seconds)
        return self._outcome(intent)

    def _give_up(self, run_id: str) -> None:
        """Of the submissions that nobody has written down as done: end every job, and mark those that have none yet."""
        for submission in self._reader.intended():
            # A submission whose reply was lost may stand twice.
            job_ids = self._batch.find(submission.job_queue, submission.job_name)
            for job_id in job_ids:
                self._batch.terminate(job_id, reason=self._reason)
            if not job_ids:
                # With this mark, a job of it that turns up writes nothing.
                given_up = submission.abandoned(f"cancelled by {self._user}", at=self._timestamp())
                self._records.put_submission(run_id, given_up)

    def _unfinished(self, parts: Sequence[SubmissionSlice]) -> list[SubmissionSlice]:
        summaries = self._batch.summaries([part.submission for part in parts])
        return [
            part
            for part in parts
            if any(summaries.get(part.submission.job_id, {}).get(status) for status in UNFINISHED)
        ]

    def _tell(self, part: SubmissionSlice, indices: set[int]) -> None:
        ids = [part.job_id(there) for there, here in part.here.items() if here in indices]
        self._batch.terminate_all(ids, reason=self._reason)

    def _active(self, part: SubmissionSlice, wanted: set[int]) -> set[int]:
        """Which of the scans' jobs go on."""
        mine = {there: here for there, here in part.here.items() if here in wanted}
        if not part.submission.is_array or len(mine) <= _FEW:
            jobs = self._batch.describe([part.job_id(there) for there in mine])
            return {here for there, here in mine.items() if (job := jobs.get(part.job_id(there))) and not job.is_over}
        offset = part.submission.offset
        going_on = {place for status in UNFINISHED for place in self._batch.children(part.submission.job_id, status)}
        return {here for there, here in mine.items() if there - offset in going_on}

    def _wait(self, parts: Sequence[SubmissionSlice], wanted: set[int], *, poll_seconds: float) -> None:
        begun = told = self._clock()
        while True:
            summed = self._unfinished(parts) if wanted else []
            is_late = self._clock() - told >= _MOP_UP_SECONDS
            # While the parents' summaries say that many go on, no child is asked about.
            if not summed or is_late or any(not set(part.here.values()) <= wanted for part in summed):
                going_on = [(part, active) for part in parts if (active := self._active(part, wanted))]
                if not going_on:
                    return
                if is_late or not summed:
                    told = self._clock()
                    for part, active in going_on:
                        self._tell(part, active)
            if self._clock() - begun > _PATIENCE_SECONDS:
                return
            self._sleep(poll_seconds)

    def _outcome(self, intent: CancelPlan) -> CancelOutcome:
        now = {scan.index: scan for scan in self._reader.whole().scans}

        def names(*states: State) -> tuple[str, ...]:
            return tuple(scan.name for scan in intent.active if now[scan.index].state in states)

        return CancelOutcome(
            run_id=intent.status.run.run_id,
            cancelled=names("FAILED"),
            finished_before=tuple(scan.name for scan in intent.finished),
            finished_meanwhile=names("DONE"),
            left=names(*ACTIVE),
        )
