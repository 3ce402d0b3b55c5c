"""`run`, after the yes: settle what was cut short, record, submit. It may be killed anywhere and typed again."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from opsctl.commands.costs.budget import Budget
from opsctl.commands.runs.plan import RunPlan, ensure_nothing_in_the_way
from opsctl.commands.runs.prior_runs import PriorRuns, UnconfirmedSubmission
from opsctl.commands.runs.records import Records
from opsctl.commands.runs.submission_lease import SubmissionLease
from opsctl.commands.runs.submit import Submitter
from opsctl.core.errors import Interrupted, Problem
from opsctl.core.runs.manifest import Run, timestamp
from opsctl.core.runs.scan_history import ScanDisposition
from opsctl.core.runs.submission import LARGEST_ARRAY, Submission, submissions_of


@dataclass(frozen=True, kw_only=True)
class RunOutcome:
    """What `run` came to.

    Attributes
    ----------
    run_id
        The run that shows all chosen scans; the latest one into this place where nothing had to be submitted.
    submitted
        How many scans this call submitted.
    done, in_flight
        How many were so already.
    continued
        Earlier runs that had been cut short and were brought to their end.
    """

    run_id: str
    submitted: int
    done: int
    in_flight: int
    continued: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """What `run --json` prints."""
        return {**asdict(self), "continued": list(self.continued)}


class RunSubmission:
    """Carries a plan out.

    Parameters
    ----------
    turn
        At the output place.
    budget
        With `--max-spend`.
    now
        Injected.
    """

    def __init__(
        self,
        made: RunPlan,
        *,
        prior_runs: PriorRuns,
        submitter: Submitter,
        lease: SubmissionLease,
        records: Records,
        budget: Budget | None,
        now: Callable[[], datetime],
    ) -> None:
        self._plan = made
        self._prior_runs = prior_runs
        self._submitter = submitter
        self._lease = lease
        self._records = records
        self._budget = budget
        self._now = now
        # Earlier runs may settle it all, and then a folder without a record would be left.
        self._proposed = None if made.earlier else self._run_of(made.dispositions)
        self._current: tuple[Run, Submission] | None = None
        self._sent: list[Submission] = []
        self._continued: dict[str, int] = {}
        self._total = 0

    def carry_out(self) -> RunOutcome:
        """Wait for the turn and submit what is to be submitted, nothing twice.

        Raises
        ------
        Problem
            When AWS refuses or the budget ends; says what was submitted before.
        Interrupted
            After Ctrl-C; says the same.
        """
        with self._sending() as wait, self._lease.acquire():
            try:
                return self._carry_out(wait)
            except KeyboardInterrupt as error:
                if self._current is not None:
                    # Struck in the middle of a SubmitJob, which Batch may have taken.
                    found = self._submitter.find(*self._current)
                    self._sent += [found] if found else []
                raise Interrupted(f"Stopped. {self._so_far()}", _GOES_ON) from error
            except Problem as problem:
                raise Problem(f"{problem.what} {self._so_far()}", problem.hint or _GOES_ON) from problem

    def _sending(self) -> AbstractContextManager[Callable[[], None]]:
        """Send what the first record into a place stands on, while others have the turn: without it there is no run."""
        if self._proposed is None:
            return nullcontext(lambda: None)
        documents, intended = self._plan.documents(self._proposed), self._intended(self._proposed)
        return self._records.putting_documents(self._proposed, documents, intended)

    def _carry_out(self, wait: Callable[[], None]) -> RunOutcome:
        # Others may have submitted since the plan was made: everything is looked at again.
        runs = self._prior_runs.runs()
        confirmed = {_pair(one) for one in self._plan.rest()}
        self._total = len(confirmed)
        dispositions = self._prior_runs.dispositions(self._plan.wanted, runs)
        unsettled = self._prior_runs.unconfirmed(runs)
        if unsettled:
            self._settle(unsettled, confirmed & self._missing(dispositions))
            dispositions = self._prior_runs.dispositions(self._plan.wanted, runs)
        ensure_nothing_in_the_way(dispositions)
        # What is missing only since the plan was made was not said yes to.
        left = [one for one in dispositions if not one.is_submitted(self._plan.request.only) or _pair(one) in confirmed]
        run = self._run_of(left)
        if run.sizes:
            wait()
            self._submit(run)
        counts = Counter(one.disposition for one in dispositions)
        latest = run.run_id if run.sizes or not runs else runs[-1].run_id
        return RunOutcome(
            run_id=[latest, *self._continued][-1] if not run.sizes else latest,
            submitted=sum(one.size for one in self._sent),
            done=counts["done"],
            in_flight=counts["in flight"] - sum(self._continued.values()),
            continued=tuple(self._continued),
        )

    def _missing(self, dispositions: Sequence[ScanDisposition]) -> set[tuple[str, str]]:
        return {_pair(one) for one in self._plan.rest(dispositions)}

    def _settle(self, unsettled: Sequence[UnconfirmedSubmission], missing: set[tuple[str, str]]) -> None:
        """Bring earlier submissions to their end: found, made now where they are still wanted, or given up."""
        for one in unsettled:
            if self._submitter.find(one.run, one.submission) is not None:
                continue
            if one.scans <= missing and self._is_alike(one.run):
                self._continued[one.run.run_id] = self._continued.get(one.run.run_id, 0) + one.submission.size
                self._send(one.run, [one.submission])
            else:
                self._submitter.abandon(one.run, one.submission, "a later `opsctl run` went on without it")

    def _is_alike(self, run: Run) -> bool:
        mine = self._plan.request
        return (run.resources, run.memory_mib) == (mine.resources(self._plan.platform), mine.memory_mib)

    def _run_of(self, dispositions: Sequence[ScanDisposition]) -> Run:
        return self._plan.run(dispositions, at_once=self._budget.portion if self._budget else LARGEST_ARRAY)

    def _intended(self, run: Run) -> list[Submission]:
        return submissions_of(run, self._plan.platform, at=timestamp(self._now()))

    def _submit(self, run: Run) -> None:
        """Records and journal first, then SubmitJob."""
        intended = self._intended(run)
        if run == self._proposed:
            self._records.put_record(run)
        else:
            self._records.put_run(run, self._plan.documents(run), intended)
        self._send(run, intended)

    def _send(self, run: Run, submissions: Sequence[Submission]) -> None:
        for number, submission in enumerate(submissions):
            if self._budget is not None:
                try:
                    self._budget.ensure(submission.size)
                except Problem as problem:
                    for one in submissions[number:]:
                        self._submitter.abandon(run, one, f"the budget was reached: {problem.what}")
                    raise
            self._current = run, submission
            self._sent.append(self._submitter.submit(run, submission))
            self._current = None

    def _so_far(self) -> str:
        count = sum(one.size for one in self._sent)
        return f"{count:,} of {self._total:,} scans were submitted, {self._total - count:,} were not."


_GOES_ON = "Typed again, it goes on from there."


def keep_documents(made: RunPlan, folder: Path) -> None:
    """Keep the run's JSONs on this machine too (`--jobdir`).

    Raises
    ------
    Problem
        When the folder cannot be written to: found before anything is submitted.
    """
    run = made.run(made.dispositions)
    target = folder / run.run_id
    try:
        (target / "scans").mkdir(parents=True, exist_ok=True)
        (target / "run.json").write_text(json.dumps(run.as_json(), indent=1))
        for index, one in made.documents(run).items():
            (target / "scans" / f"{index:05d}.json").write_text(json.dumps(one, indent=1))
    except OSError as error:
        raise Problem(
            f"{error.filename or target} cannot be written ({error.strerror}).", "Name another --jobdir."
        ) from error


def _pair(one: ScanDisposition) -> tuple[str, str]:
    return one.name, one.key
