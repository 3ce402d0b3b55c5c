"""`status`: the results' word joined with Batch's."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime

from opsctl.aws.batch.batch import Batch
from opsctl.commands.runs.array_jobs import ArrayJobs, SubmissionSlice
from opsctl.commands.runs.records import Records
from opsctl.commands.runs.run_reader import RunReader
from opsctl.commands.runs.scan_detail import ScanDetail
from opsctl.core.costs.bill import Bill, ScanBill, bill
from opsctl.core.costs.estimate import Rates
from opsctl.core.errors import Problem
from opsctl.core.location import parse_uri, run_location
from opsctl.core.runs.attempt import Attempt
from opsctl.core.runs.attempt_merge import attempts_by_scan, with_retries
from opsctl.core.runs.manifest import Origin
from opsctl.core.runs.result import Result
from opsctl.core.runs.status import BatchJob, RunStatus, ScanStatus, join
from opsctl.core.runs.submission import Submission
from opsctl.core.runs.unsubmitted_scans import unsubmitted_reasons

#: Scans on a later attempt, of which Batch is asked why the earlier ones ended: one call.
_RETRIED_ASKED = 100
_OVER = ("SUCCEEDED", "FAILED")


@dataclass(frozen=True)
class Money:
    """How a run is reckoned.

    Attributes
    ----------
    is_local
        The jobs run on this machine: what AWS would charge is said beside.
    """

    rates: Rates
    is_local: bool


class StatusReader:
    """Where one run stands, asked again and again.

    Parameters
    ----------
    reader
        The run's facts.
    now
        The clock, UTC.
    money
        None: nothing is reckoned.
    """

    def __init__(
        self,
        reader: RunReader,
        *,
        records: Records,
        batch: Batch,
        now: Callable[[], datetime],
        money: Money | None = None,
    ) -> None:
        self.run = reader.run
        self._reader = reader
        self._records = records
        self._batch = batch
        self._now = now
        self._money = money
        self._array_jobs = ArrayJobs(reader.run, records=records, batch=batch)
        self._late: dict[int, Submission] = {}
        self._unsubmitted: dict[int, ScanStatus] = {}
        self._tried: dict[int, BatchJob] = {}
        self._seen: tuple[object, RunStatus] | None = None
        #: Whether every job that Batch knows has ended: a result may stand while its job says its last words.
        self.jobs_are_over = False

    def states(self) -> RunStatus:
        """Counts, and the scans that are done or failed: one call of Batch while no more is to be shown.

        Attempts and money are left out, and S3 is read only where Batch's counts have changed.
        """
        parts, summaries = self._summaries()
        if self._seen is not None and self._seen[0] == (summaries, self._unsubmitted):
            return self._seen[1]
        results = self._reader.results()
        found = self._counted(parts, summaries, results, known={})
        self._keep(results)
        self._seen = ((summaries, self._unsubmitted), found)
        return found

    def poll(self) -> RunStatus:
        """Counts, the scans that are done, failed or tried again, and the money so far."""
        parts, summaries = self._summaries()
        results = self._reader.results()
        attempts = self._reader.attempts()
        tried = self._tried_again(parts, results, attempts)
        found = self._counted(parts, summaries, results, known=tried)
        self._keep(results)
        found = replace(found, wait_reason=self._array_jobs.wait_reason(parts, summaries))
        return self._told(found, attempts, {**tried, **self._array_jobs.final_job_states(results)})

    def whole(self) -> RunStatus:
        """Every scan one by one: lists the children."""
        parts, summaries = self._summaries()
        results = self._reader.results()
        # The ended ones first: what is learnt of them is more than a list tells.
        self._array_jobs.poll(parts, summaries, results, known={})
        jobs = self._array_jobs.all_jobs(parts, summaries)
        attempts = self._reader.attempts()
        tried = self._tried_again(parts, results, attempts)
        self._keep(results)
        found = join(self.run, results=results, jobs={**jobs, **tried}, unsubmitted=self._unsubmitted)
        found = replace(found, wait_reason=self._array_jobs.wait_reason(parts, summaries))
        return self._told(found, attempts, {**jobs, **tried})

    def details(self, indices: Sequence[int]) -> list[ScanDetail]:
        """Some scans whole."""
        parts, summaries = self._summaries()
        wanted = set(indices)
        jobs = self._array_jobs.describe(parts, indices)
        results = self._reader.results()
        self._array_jobs.poll(parts, summaries, results, known=jobs)
        self._keep(results)
        jobs = {**self._array_jobs.final_job_states(results), **jobs}
        attempts = self._reader.attempts()
        joined = join(self.run, results=results, jobs=jobs, unsubmitted=self._unsubmitted, indices=indices)
        status = self._told(joined, [one for one in attempts if one.index in wanted], jobs)
        merged = attempts_by_scan(attempts, jobs)
        return [
            ScanDetail(
                run_id=self.run.run_id,
                status=scan,
                origin=(origin := self.run.origin(scan.index)),
                document=self._records.document(origin.run_id, origin.index),
                attempts=merged.get(scan.index, ()),
                result=results.get(scan.index),
                kept_uri=self._failures_uri(origin),
                cost=_cost_of(status, scan.index),
                is_local=status.is_local,
            )
            for scan in status.scans
        ]

    def intended(self) -> list[Submission]:
        """The run's submissions of which only the intention was written down, whatever Batch knows of them."""
        return [one for one in self._reader.submission_log() if one.state == "intended"]

    def _failures_uri(self, origin: Origin) -> str:
        # Outputs, whatever the dataset's own bucket, and records lie in one.
        data_bucket = parse_uri(self.run.output).bucket
        return f"{run_location(origin.run_id, data_bucket=data_bucket).uri}/failures/{origin.index:05d}/"

    def parts(self) -> list[SubmissionSlice]:
        """What Batch has of the run's scans; a submission that nobody has written down is looked up by its name."""
        submissions = dict(self._reader.submissions())
        own = submissions.get(self.run.run_id, [])
        self._unsubmitted = {}
        if sum(one.size for one in own) < self.run.submitted_count:
            submission_log = [self._looked_up(one) for one in self._reader.submission_log()]
            submissions[self.run.run_id] = [one for one in submission_log if one.state == "submitted"]
            self._unsubmitted = unsubmitted_reasons(self.run, submission_log, now=self._now())
        return self._array_jobs.parts(submissions)

    def _summaries(self) -> tuple[list[SubmissionSlice], dict[str, dict[str, int]]]:
        parts = self.parts()
        summaries = self._array_jobs.summaries(parts)
        active = (count for one in summaries.values() for status, count in one.items() if status not in _OVER)
        self.jobs_are_over = not any(active)
        return parts, summaries

    def _counted(
        self,
        parts: list[SubmissionSlice],
        summaries: Mapping[str, Mapping[str, int]],
        results: Mapping[int, Result],
        *,
        known: Mapping[int, BatchJob],
    ) -> RunStatus:
        poll = self._array_jobs.poll(parts, summaries, results, known=known)
        listed = (index for index in range(len(self.run.scans)) if index not in poll.counted)
        found = join(self.run, results=results, jobs=poll.jobs, unsubmitted=self._unsubmitted, indices=listed)
        return replace(found, unlisted=poll.unlisted)

    def _looked_up(self, submission: Submission) -> Submission:
        """A submission of which only the intention was written down, as Batch knows it."""
        if submission.state != "intended":
            return submission
        if submission.number not in self._late:
            job_ids = self._batch.find(submission.job_queue, submission.job_name)
            if not job_ids:
                return submission
            self._late[submission.number] = submission.submitted(job_ids[0], at=submission.at)
        return self._late[submission.number]

    def _tried_again(
        self, parts: list[SubmissionSlice], results: Mapping[int, Result], attempts: list[Attempt]
    ) -> dict[int, BatchJob]:
        """The jobs on a later attempt: why the earlier ones ended, Batch may be the only one to know."""
        told: dict[int, set[int]] = defaultdict(set)
        latest: dict[int, int] = defaultdict(int)
        for one in attempts:
            latest[one.index] = max(latest[one.index], one.number)
            if one.reason or one.exit_code is not None:
                told[one.index].add(one.number)
        again = {index for index, number in latest.items() if number > 1}
        # An image that could not be pulled, or a lost instance: no runner wrote anything.
        dumb = {index for index in again if not told[index].issuperset(range(1, latest[index]))}
        done = {index for index, result in results.items() if result.succeeded}
        wanted = [*sorted(again - done), *sorted(dumb & done)]
        asked = [index for index in wanted if index not in self._tried][:_RETRIED_ASKED]
        found = self._array_jobs.describe(parts, asked) if asked else {}
        self._tried |= {index: job for index, job in found.items() if job.is_over}
        return {**self._tried, **found}

    def _keep(self, results: Mapping[int, Result]) -> None:
        words = self._array_jobs.final_job_states(results)
        if words:
            # A colleague may look without being permitted to write.
            with suppress(Problem):
                self._reader.keep(words)

    def _told(self, status: RunStatus, attempts: list[Attempt], jobs: Mapping[int, BatchJob]) -> RunStatus:
        told = with_retries(status, attempts_by_scan(attempts, jobs))
        if self._money is None:
            return told
        # Of a scan that nobody asked about one by one, an attempt without an end is under way.
        listed = {scan.index for scan in status.scans}
        running = {
            one.index: BatchJob(job_id=one.job_id, status="RUNNING")
            for one in attempts
            if one.index not in listed and one.stopped_at is None
        }
        words = {**running, **jobs}
        own, adopted = (self._bill(attempts, words, is_own=is_own, rates=self._money.rates) for is_own in (True, False))
        return replace(told, bill=own, adopted_bill=adopted, is_local=self._money.is_local)

    def _bill(self, attempts: list[Attempt], jobs: Mapping[int, BatchJob], *, is_own: bool, rates: Rates) -> Bill:
        """Of the scans that this run submitted, or of the adopted ones: those were paid for by earlier runs."""
        count = self.run.submitted_count
        return bill(
            [one for one in attempts if (one.index < count) is is_own],
            {index: job for index, job in jobs.items() if (index < count) is is_own},
            rates,
            now=self._now(),
        )


def _cost_of(status: RunStatus, index: int) -> ScanBill | None:
    bills = [one.by_scan for one in (status.bill, status.adopted_bill) if one is not None]
    return next((attempts_by_scan[index] for attempts_by_scan in bills if index in attempts_by_scan), None)
