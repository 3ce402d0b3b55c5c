"""`run` after the confirmation: settle interrupted submissions, record, submit.

It may be killed at any point and typed again.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from opsctl.commands.costs.budget import Budget
from opsctl.commands.runs.plan import ensure_not_blocked
from opsctl.commands.runs.prior_runs import PriorRuns, UnconfirmedSubmission
from opsctl.commands.runs.records import Records
from opsctl.commands.runs.run_plan import RunPlan
from opsctl.commands.runs.submission_lease import SubmissionLease
from opsctl.commands.runs.submit import Submitter
from opsctl.core.diagnosis.cause_code import CauseCode
from opsctl.core.errors import ErrorCode, Interrupted, Problem, write_error_code
from opsctl.core.record import SCHEMA_VERSION
from opsctl.core.runs.manifest import Run, timestamp
from opsctl.core.runs.scan_history import ScanDisposition, earlier_m2g
from opsctl.core.runs.submission import LARGEST_ARRAY, Submission, submissions_of


@dataclass(frozen=True, kw_only=True)
class RunOutcome:
    """What a `run` did.

    Attributes
    ----------
    run_id
        The run that shows all chosen scans; the latest run into this output where nothing had to be submitted.
    submitted
        Number of scans that this call submitted.
    done, in_flight
        Number of scans that were done or in flight before.
    continued
        Earlier runs that had been interrupted and whose missing submissions were made now.
    earlier_m2g
        Number of scans among the done ones that another m2g did and that were kept, by its image.
    left_out
        The scans that were left out because m2g cannot process them.
    """

    run_id: str
    submitted: int
    done: int
    in_flight: int
    continued: tuple[str, ...] = ()
    earlier_m2g: Mapping[str, int] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return what `run --json` prints."""
        lists = {"continued": list(self.continued), "left_out": list(self.left_out)}
        return {"schema_version": SCHEMA_VERSION, **asdict(self), **lists}


class RunSubmission:
    """Carries a run's plan out.

    Parameters
    ----------
    plan
        What was shown and confirmed.
    lease
        On the output location.
    dataset_lease
        On the dataset's folder in the data bucket: held by deletions, never by a run.
    budget
        None without `--max-spend`.
    now
        Returns the present moment; injected for tests.
    """

    def __init__(
        self,
        plan: RunPlan,
        *,
        prior_runs: PriorRuns,
        submitter: Submitter,
        lease: SubmissionLease,
        dataset_lease: SubmissionLease,
        records: Records,
        budget: Budget | None,
        now: Callable[[], datetime],
    ) -> None:
        self._plan = plan
        self._prior_runs = prior_runs
        self._submitter = submitter
        self._lease = lease
        self._dataset_lease = dataset_lease
        self._records = records
        self._budget = budget
        self._now = now
        # With earlier runs everything may turn out to be done, which would leave a folder without a record.
        self._proposed = None if plan.earlier else self._run_of(plan.dispositions)
        self._current: tuple[Run, Submission] | None = None
        self._sent: list[Submission] = []
        self._continued: dict[str, int] = {}
        self._total = 0

    def carry_out(self) -> RunOutcome:
        """Wait for the lease and submit what is to be submitted, each scan at most once.

        Raises
        ------
        Problem
            When AWS refuses or the budget is reached; it says how much was submitted before.
        Interrupted
            After Ctrl-C; it says the same.
        """
        # Before the scans' JSONs name subjects, and again under the lease, which a deletion looks for.
        self._ensure_no_deletion()
        with self._sending_documents() as wait, self._lease.acquire():
            try:
                return self._submit_under_lease(wait)
            except KeyboardInterrupt as error:
                if self._current is not None:
                    # Ctrl-C came during a SubmitJob, which Batch may have accepted.
                    submission = self._submitter.find(*self._current)
                    self._sent += [submission] if submission else []
                raise Interrupted(f"Stopped. {self._progress()}", _GOES_ON) from error
            except Problem as problem:
                problem.add_sentence(self._progress())
                problem.hint = problem.hint or _GOES_ON
                raise

    def _sending_documents(self) -> AbstractContextManager[Callable[[], None]]:
        """Write the scans' JSONs of the first run into an output while waiting for the lease.

        Without `run.json`, which is written later, they are no run.
        """
        if self._proposed is None:
            return nullcontext(lambda: None)
        documents, intended = self._plan.each_document(self._proposed), self._intended(self._proposed)
        return self._records.writing_documents(self._proposed, documents, intended)

    def _submit_under_lease(self, wait: Callable[[], None]) -> RunOutcome:
        self._ensure_no_deletion()
        # Others may have submitted since the plan was made, so everything is read again.
        runs = self._prior_runs.runs()
        confirmed = {_pair(scan) for scan in self._plan.to_submit()}
        self._total = len(confirmed)
        dispositions = self._prior_runs.dispositions(self._plan.scan_keys, runs)
        unconfirmed = self._prior_runs.unconfirmed(runs)
        if unconfirmed:
            self._settle(unconfirmed, confirmed & self._missing(dispositions))
            dispositions = self._prior_runs.dispositions(self._plan.scan_keys, runs)
        ensure_not_blocked(dispositions)
        # A scan that is missing only since the plan was made was not confirmed.
        scans = [scan for scan in dispositions if not self._plan.is_submitted(scan) or _pair(scan) in confirmed]
        run = self._run_of(scans)
        if run.sizes:
            wait()
            self._submit(run)
        counts = Counter(scan.disposition for scan in dispositions)
        latest = run.run_id if run.sizes or not runs else runs[-1].run_id
        return RunOutcome(
            run_id=[latest, *self._continued][-1] if not run.sizes else latest,
            submitted=sum(submission.size for submission in self._sent),
            done=counts["done"] + counts["other_m2g"],
            in_flight=counts["in flight"] - sum(self._continued.values()),
            continued=tuple(self._continued),
            left_out=tuple(verdict.scan for verdict in self._plan.left_out),
            earlier_m2g=earlier_m2g([scan for scan in dispositions if not self._plan.is_submitted(scan)]),
        )

    def _ensure_no_deletion(self) -> None:
        planned_for = (self._now() - self._plan.moment).total_seconds()
        # S3 dates to the second.
        self._dataset_lease.ensure_unused_for(planned_for + 1.0)

    def _missing(self, dispositions: Sequence[ScanDisposition]) -> set[tuple[str, str]]:
        return {_pair(scan) for scan in self._plan.to_submit(dispositions)}

    def _settle(self, unconfirmed: Sequence[UnconfirmedSubmission], missing: set[tuple[str, str]]) -> None:
        """Settle earlier submissions: find their jobs, submit them now if still wanted, or mark them abandoned."""
        for earlier in unconfirmed:
            # A process that was killed while it gave a submission up leaves the mark: a job of it would be for nothing.
            is_given_up = self._records.is_marked_abandoned(earlier.run.run_id, earlier.submission)
            if not is_given_up and self._submitter.find(earlier.run, earlier.submission, known_job_id=earlier.job_id):
                continue
            if not is_given_up and earlier.scans <= missing and self._needs_the_same_jobs(earlier.run):
                run_id = earlier.run.run_id
                self._continued[run_id] = self._continued.get(run_id, 0) + earlier.submission.size
                self._send(earlier.run, [earlier.submission])
            else:
                self._submitter.abandon(
                    earlier.run,
                    earlier.submission,
                    "a later `opsctl run` went on without it",
                    code=CauseCode.NEVER_SUBMITTED,
                )

    def _needs_the_same_jobs(self, run: Run) -> bool:
        # The image is not in the scans' keys, but the records of the earlier run name it as what its jobs run.
        request, platform = self._plan.request, self._plan.platform
        planned = self._plan.run(())
        needed = (request.resources(platform), planned.memory_mib, planned.vcpus, platform.image)
        return (run.resources, run.memory_mib, run.vcpus, run.image) == needed

    def _run_of(self, dispositions: Sequence[ScanDisposition]) -> Run:
        return self._plan.run(dispositions, at_once=self._budget.portion if self._budget else LARGEST_ARRAY)

    def _intended(self, run: Run) -> list[Submission]:
        return submissions_of(run, self._plan.platform, at=timestamp(self._now()))

    def _submit(self, run: Run) -> None:
        """Write the records and the intended submissions first, then call SubmitJob."""
        intended = self._intended(run)
        if run == self._proposed:
            self._records.put_record(run)
        else:
            with self._records.writing_documents(run, self._plan.each_document(run), intended) as wait:
                wait()
            self._records.put_record(run)
        self._send(run, intended)

    def _send(self, run: Run, submissions: Sequence[Submission]) -> None:
        for number, submission in enumerate(submissions):
            if self._budget is not None:
                try:
                    self._budget.ensure(submission.size)
                except Problem as problem:
                    is_reached = problem.code == ErrorCode.BUDGET_REACHED
                    note = f"the budget was reached: {problem.what}" if is_reached else problem.what
                    code = CauseCode.BUDGET_REACHED if is_reached else CauseCode.NEVER_SUBMITTED
                    for remaining in submissions[number:]:
                        self._submitter.abandon(run, remaining, note, code=code)
                    raise
            self._current = run, submission
            try:
                self._sent.append(self._submitter.submit(run, submission))
            except Problem as problem:
                self._submitter.note_refusal(run, submissions[number:], problem)
                raise
            self._current = None

    def _progress(self) -> str:
        count = sum(submission.size for submission in self._sent)
        return f"{count:,} of {self._total:,} scans were submitted, {self._total - count:,} were not."


_GOES_ON = "Typed again, it goes on from there."


def keep_documents(plan: RunPlan, folder: Path) -> None:
    """Write the run's JSONs into a local folder too (`--jobdir`).

    Raises
    ------
    Problem
        When the folder cannot be written to: found before anything is submitted.
    """
    run = plan.run(plan.dispositions)
    target = folder / run.run_id
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # New, so that nobody has put links into it.
        target.mkdir()
        (target / "scans").mkdir()
        (target / "run.json").write_text(json.dumps(run.as_json(), indent=1))
        for index, document in plan.each_document(run):
            (target / "scans" / f"{index:05d}.json").write_text(json.dumps(document, indent=1))
    except OSError as error:
        raise Problem(
            f"{error.filename or target} cannot be written ({error.strerror}).",
            "Name another --jobdir.",
            code=write_error_code(error),
        ) from error


def _pair(scan: ScanDisposition) -> tuple[str, str]:
    return scan.name, scan.key
