"""`status`: a run's results and attempts on S3, joined with Batch's view of its jobs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime

from opsctl.aws.batch.batch import Batch
from opsctl.commands.runs.array_jobs import ArrayJobs, SubmissionSlice, Summaries, has_active_jobs
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
from opsctl.core.runs.unsubmitted_scans import unsubmitted_statuses

#: DescribeJobs takes 100 jobs: one call per poll explains why earlier attempts ended.
_RETRIED_PER_POLL = 100


@dataclass(frozen=True)
class Pricing:
    """The prices of a run.

    Attributes
    ----------
    is_local
        The jobs run on this machine: the bill says what AWS would charge.
    """

    rates: Rates
    is_local: bool


class StatusReader:
    """The status of one run, for one look or for polling.

    Parameters
    ----------
    now
        The clock, UTC.
    money
        None: no bill is made.
    """

    def __init__(
        self,
        reader: RunReader,
        *,
        records: Records,
        batch: Batch,
        now: Callable[[], datetime],
        money: Pricing | None = None,
    ) -> None:
        self.run = reader.run
        self._reader = reader
        self._records = records
        self._batch = batch
        self._now = now
        self._money = money
        self._array_jobs = ArrayJobs(reader.run, records=records, batch=batch)
        self._found_by_name: dict[int, Submission] = {}
        self._unsubmitted: dict[int, ScanStatus] = {}
        self._ended_retries: dict[int, BatchJob] = {}
        self._last_states: tuple[object, RunStatus] | None = None
        #: Whether every job that Batch knows has ended. A job with a result may still be writing its last log lines.
        self.jobs_are_over = False

    def states(self) -> RunStatus:
        """Counts, and the scans that are done or failed, without attempts and bill.

        Costs one call of Batch while nothing changes: S3 is read only when Batch's counts differ from the last ones.
        """
        parts, summaries = self._parts_and_summaries()
        if self._last_states is not None and self._last_states[0] == (summaries, self._unsubmitted):
            return self._last_states[1]
        results = self._reader.results()
        status = self._polled(parts, summaries, results, known={})
        self._save_final_job_states(results)
        self._last_states = ((summaries, self._unsubmitted), status)
        return status

    def poll(self) -> RunStatus:
        """Counts, the scans that are done, failed or on a later attempt, and the bill so far."""
        parts, summaries = self._parts_and_summaries()
        results = self._reader.results()
        attempts = self._reader.attempts()
        retries = self._retries(parts, results, attempts)
        status = self._polled(parts, summaries, results, known=retries)
        self._save_final_job_states(results)
        status = replace(status, wait_reason=self._array_jobs.wait_reason(parts, summaries))
        return self._with_attempts(status, attempts, {**retries, **self._array_jobs.final_job_states(results)})

    def whole(self) -> RunStatus:
        """Every scan one by one: lists the arrays' children."""
        parts, summaries = self._parts_and_summaries()
        results = self._reader.results()
        # Polling describes ended jobs, which says more than the list of all jobs below.
        self._array_jobs.poll(parts, summaries, results, known={})
        jobs = self._array_jobs.all_jobs(parts, summaries)
        attempts = self._reader.attempts()
        jobs |= self._retries(parts, results, attempts)
        self._save_final_job_states(results)
        status = join(self.run, results=results, jobs=jobs, unsubmitted=self._unsubmitted)
        status = replace(status, wait_reason=self._array_jobs.wait_reason(parts, summaries))
        return self._with_attempts(status, attempts, jobs)

    def details(self, indices: Sequence[int]) -> list[ScanDetail]:
        """Everything about some scans."""
        parts, summaries = self._parts_and_summaries()
        jobs = self._array_jobs.describe(parts, indices)
        results = self._reader.results(files=True)
        self._array_jobs.poll(parts, summaries, results, known=jobs)
        self._save_final_job_states(results)
        jobs = {**self._array_jobs.final_job_states(results), **jobs}
        attempts = self._reader.attempts()
        joined = join(self.run, results=results, jobs=jobs, unsubmitted=self._unsubmitted, indices=indices)
        chosen = set(indices)
        status = self._with_attempts(joined, [attempt for attempt in attempts if attempt.index in chosen], jobs)
        merged = attempts_by_scan(attempts, jobs)
        return [
            ScanDetail(
                run_id=self.run.run_id,
                status=scan,
                origin=(origin := self.run.origin(scan.index)),
                document=self._records.document(origin.run_id, origin.index),
                attempts=merged.get(scan.index, ()),
                result=results.get(scan.index),
                failures_uri=self._failures_uri(origin),
                cost=_cost_of(status, scan.index),
                is_local=status.is_local,
            )
            for scan in status.scans
        ]

    def intended(self) -> list[Submission]:
        """The run's submissions that are still recorded as `intended`, whether or not Batch has them."""
        return [submission for submission in self._reader.submission_log() if submission.state == "intended"]

    def parts(self) -> list[SubmissionSlice]:
        """The submissions that Batch has of the run's scans; an `intended` one is looked up by its job name."""
        submissions = dict(self._reader.submissions())
        own = submissions.get(self.run.run_id, [])
        self._unsubmitted = {}
        if sum(submission.size for submission in own) < self.run.submitted_count:
            submission_log = [self._looked_up(submission) for submission in self._reader.submission_log()]
            submissions[self.run.run_id] = [entry for entry in submission_log if entry.state == "submitted"]
            self._unsubmitted = unsubmitted_statuses(self.run, submission_log, now=self._now())
        return self._array_jobs.parts(submissions)

    def _failures_uri(self, origin: Origin) -> str:
        # The data bucket holds outputs and records, whichever bucket the dataset is in.
        data_bucket = parse_uri(self.run.output).bucket
        return f"{run_location(origin.run_id, data_bucket=data_bucket).uri}/failures/{origin.index:05d}/"

    def _parts_and_summaries(self) -> tuple[list[SubmissionSlice], dict[str, dict[str, int]]]:
        parts = self.parts()
        summaries = self._batch.summaries([part.submission for part in parts])
        self.jobs_are_over = not any(has_active_jobs(summary) for summary in summaries.values())
        return parts, summaries

    def _polled(
        self,
        parts: list[SubmissionSlice],
        summaries: Summaries,
        results: Mapping[int, Result],
        *,
        known: Mapping[int, BatchJob],
    ) -> RunStatus:
        poll = self._array_jobs.poll(parts, summaries, results, known=known)
        listed = (index for index in range(len(self.run.scans)) if index not in poll.counted)
        status = join(self.run, results=results, jobs=poll.jobs, unsubmitted=self._unsubmitted, indices=listed)
        return replace(status, unlisted=poll.unlisted)

    def _looked_up(self, submission: Submission) -> Submission:
        """An `intended` submission with the id of its job, where Batch has one of its name; others as they are."""
        if submission.state != "intended":
            return submission
        if submission.number not in self._found_by_name:
            job_ids = self._batch.find(submission.job_queue, submission.job_name)
            if not job_ids:
                return submission
            self._found_by_name[submission.number] = submission.submitted(job_ids[0], at=submission.at)
        return self._found_by_name[submission.number]

    def _retries(
        self, parts: list[SubmissionSlice], results: Mapping[int, Result], attempts: list[Attempt]
    ) -> dict[int, BatchJob]:
        """The jobs on a later attempt: Batch may be the only one that knows why the earlier attempts ended."""
        explained: dict[int, set[int]] = defaultdict(set)
        latest: dict[int, int] = defaultdict(int)
        for attempt in attempts:
            latest[attempt.index] = max(latest[attempt.index], attempt.number)
            if attempt.reason or attempt.exit_code is not None:
                explained[attempt.index].add(attempt.number)
        retried = {index for index, number in latest.items() if number > 1}
        # The job records nothing when its image could not be pulled or its instance was lost.
        unexplained = {index for index in retried if not explained[index].issuperset(range(1, latest[index]))}
        done = {index for index, result in results.items() if result.succeeded}
        in_question = [*sorted(retried - done), *sorted(unexplained & done)]
        to_describe = [index for index in in_question if index not in self._ended_retries][:_RETRIED_PER_POLL]
        described = self._array_jobs.describe(parts, to_describe) if to_describe else {}
        self._ended_retries |= {index: job for index, job in described.items() if job.is_over}
        return {**self._ended_retries, **described}

    def _save_final_job_states(self, results: Mapping[int, Result]) -> None:
        if final_states := self._array_jobs.final_job_states(results):
            # A person who only looks may have no permission to write.
            with suppress(Problem):
                self._reader.save_final_job_states(final_states)

    def _with_attempts(self, status: RunStatus, attempts: list[Attempt], jobs: Mapping[int, BatchJob]) -> RunStatus:
        """The status with the scans' attempts and, where prices are known, the bill."""
        status = with_retries(status, attempts_by_scan(attempts, jobs))
        if self._money is None:
            return status
        # A scan that was only counted was not described: its attempt without an end is running.
        listed = {scan.index for scan in status.scans}
        running = {
            attempt.index: BatchJob(job_id=attempt.job_id, status="RUNNING")
            for attempt in attempts
            if attempt.index not in listed and attempt.stopped_at is None
        }
        jobs = {**running, **jobs}
        own, adopted = (self._bill(attempts, jobs, is_own=is_own, rates=self._money.rates) for is_own in (True, False))
        return replace(status, bill=own, adopted_bill=adopted, is_local=self._money.is_local)

    def _bill(self, attempts: list[Attempt], jobs: Mapping[int, BatchJob], *, is_own: bool, rates: Rates) -> Bill:
        """The bill of the scans that this run submitted, or of the adopted ones, which earlier runs paid for."""
        count = self.run.submitted_count
        return bill(
            [attempt for attempt in attempts if (attempt.index < count) is is_own],
            {index: job for index, job in jobs.items() if (index < count) is is_own},
            rates,
            now=self._now(),
        )


def _cost_of(status: RunStatus, index: int) -> ScanBill | None:
    for run_bill in (status.bill, status.adopted_bill):
        if run_bill is not None and index in run_bill.by_scan:
            return run_bill.by_scan[index]
    return None
