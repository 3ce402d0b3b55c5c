"""Reads a run once, as cheaply as a verb needs: its records and results on S3, and Batch's view of its jobs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from contextlib import ExitStack, suppress
from dataclasses import replace
from datetime import datetime

from opsctl.aws.batch.batch import Batch
from opsctl.aws.s3.early_reply import asked_early
from opsctl.commands.runs.array_jobs import ArrayJobs, Poll, SubmissionSlice, Summaries, has_active_jobs
from opsctl.commands.runs.records import Records
from opsctl.commands.runs.run_reader import RunReader
from opsctl.core.errors import Problem
from opsctl.core.runs.attempt import Attempt
from opsctl.core.runs.attempt_merge import (
    AttemptsByScan,
    is_open,
    merge_attempts,
    tells_more,
    unexplained_attempts,
    unexplained_ends,
)
from opsctl.core.runs.manifest import Run
from opsctl.core.runs.result import Result
from opsctl.core.runs.scan_history import RunHistory
from opsctl.core.runs.snapshot import RunSnapshot
from opsctl.core.runs.status import BatchJob, RunStatus, ScanStatus
from opsctl.core.runs.submission import Submission, foreign_job
from opsctl.core.runs.unsubmitted_scans import given_up, unsubmitted_statuses

#: DescribeJobs takes 100 jobs: one call per poll shows the state of the scans that are on a later attempt.
_RETRIED_PER_POLL = 100


class SnapshotReader:
    """Takes snapshots of one run, for one look or for polling.

    All snapshots tell the same of a scan: its state, attempts, cause and cost. They differ in the scans that they show
    one by one, and so in the number of calls.

    Parameters
    ----------
    now
        The clock, UTC.
    is_saving
        Whether to save how jobs ended that the records do not tell all of: Batch forgets it.
    """

    def __init__(
        self, run: Run, *, records: Records, batch: Batch, now: Callable[[], datetime], is_saving: bool = False
    ) -> None:
        self.run = run
        #: What is on S3.
        self.on_s3 = RunReader(run, records=records)
        self._batch = batch
        self._now = now
        self._is_saving = is_saving
        self._array_jobs = ArrayJobs(run, records=records, batch=batch)
        self._found_by_name: dict[int, Submission] = {}
        self._unsubmitted: dict[int, ScanStatus] = {}
        # Scans of submissions of which neither the record nor Batch says whether they were made.
        self._unconfirmed: set[int] = set()
        # Scans whose jobs had ended when the results were read.
        self._ended_before: set[int] = set()
        # Jobs as Batch described them, by id, with the scans' indices: attempts that have ended do not change any more.
        self._explained: dict[str, tuple[int, BatchJob]] = {}
        self._last_counts: tuple[object, RunStatus] | None = None
        #: The submissions that Batch had when it was last asked for a snapshot, as `parts` gives them now.
        self.last_parts: list[SubmissionSlice] = []
        #: Whether every job that Batch knows has ended. A job with a result may still be writing its last log lines.
        self.jobs_are_over = False

    def counts(self) -> RunStatus:
        """Counts, and the scans that are done or failed, without attempts.

        Costs one call of Batch while nothing changes: S3 is read only when Batch's counts differ from the last ones.
        """
        parts, summaries = self._parts_and_summaries()
        if self._last_counts is not None and self._last_counts[0] == (summaries, self._unsubmitted):
            return self._last_counts[1]
        self._ended_before |= self._array_jobs.list_failed(parts, summaries)
        results = self.on_s3.results()
        poll = self._poll(self._array_jobs.poll, parts, summaries, results)
        if self._has_ended_since(poll.jobs.items()):
            results = self.on_s3.results()
        status = self._join(parts, summaries, poll, results, attempts=None).status
        self._last_counts = ((summaries, self._unsubmitted), status)
        return status

    def progress(self, *, wait_reason: bool = False) -> RunSnapshot:
        """The scans that are done, failed or on a later attempt, and how many others are in which state.

        Parameters
        ----------
        wait_reason
            Whether to ask Batch why the first queued job waits.
        """
        return self._read(self._array_jobs.poll, wait_reason=wait_reason)

    def whole(self, *, described: Sequence[int] = (), wait_reason: bool = False) -> RunSnapshot:
        """Every scan one by one: lists the arrays' children.

        Parameters
        ----------
        described
            The scans whose jobs are described rather than listed, by index.
        wait_reason
            Whether to ask Batch why the first queued job waits.
        """
        return self._read(self._array_jobs.every_job, described=described, wait_reason=wait_reason)

    def scans(self, indices: Sequence[int]) -> RunSnapshot:
        """Some scans, each as Batch describes its job."""
        return self._read(self._array_jobs.poll, described=indices).of(indices)

    def history(self) -> RunHistory:
        """What a later run into the same location must know of this one: its own scans, their results, active jobs."""
        parts, summaries = self._parts_and_summaries()
        active = [part for part in parts if has_active_jobs(summaries.get(part.submission.job_id, {}))]
        jobs = self._array_jobs.every_job(active, summaries, done=frozenset()).jobs
        # After Batch, so that a job that Batch no longer calls active has written its result: a scan without both is
        # submitted again.
        results = self.on_s3.results()
        own = [part for part in parts if part.run_id == self.run.run_id]
        # A result proves that its scan was submitted, also where the submission's record cannot be read.
        submitted = {index for part in own for index in part.run_indices} | results.keys()
        return RunHistory(
            run=self.run,
            submitted=[index for index in range(self.run.submitted_count) if index in submitted],
            results=results,
            jobs={index: job for index, job in jobs.items() if not job.is_over},
        )

    def jobs(self) -> dict[int, BatchJob]:
        """Every scan's job, done or not, as Batch lists it; from the saved states where Batch has forgotten it."""
        return self._array_jobs.every_job(*self._parts_and_summaries(), done=frozenset()).jobs

    def described(self, indices: Iterable[int]) -> dict[int, BatchJob]:
        """Some scans' jobs with their attempts and log streams."""
        return dict(self._array_jobs.explain(self._array_jobs.job_ids(self.parts(), indices)))

    def described_with(self, named: Iterable[tuple[int, str]]) -> dict[int, list[BatchJob]]:
        """Some scans' jobs, and those that records name, as far as Batch knows them and they are jobs of the run.

        Parameters
        ----------
        named
            Pairs of a scan's index and the id of a job.
        """
        pairs = set(named)
        recorded = self._recorded_parts()
        # Whether the submissions' own jobs are what they are recorded as: asked beside the scans' jobs.
        with asked_early(lambda: self._summaries_of(recorded)) as summaries:
            explained = self._explain_with(recorded, pairs)
            parts, _ = self._checked_parts(recorded, *summaries())
        if parts is not recorded:
            explained = self._explain_with(parts, pairs)
        jobs: dict[int, list[BatchJob]] = defaultdict(list)
        for index, job in explained:
            jobs[index].append(job)
        return jobs

    def _explain_with(
        self, parts: Sequence[SubmissionSlice], pairs: Set[tuple[int, str]]
    ) -> list[tuple[int, BatchJob]]:
        """The parts' jobs of the scans that records name a job of, and the named ones that are no other scan's."""
        own = self._array_jobs.job_ids(parts, range(len(self.run.scans)))
        index_of = {job_id: index for index, job_id in own}
        indices = {index for index, _ in pairs}
        named = {(index, job_id) for index, job_id in pairs if index_of.get(job_id, index) == index}
        return self._array_jobs.explain({pair for pair in own if pair[0] in indices} | named)

    def job_id_by_name(self, number: int) -> str:
        """The id of the job of an `intended` submission that was found by its name; empty where none was found."""
        submission = self._found_by_name.get(number)
        return submission.job_id if submission is not None else ""

    def intended(self) -> list[Submission]:
        """The run's submissions that are still recorded as `intended`, whether or not Batch has them."""
        return self.on_s3.intended()

    def job_ids_of(self, submission: Submission) -> list[str]:
        """The ids of the jobs of one of the run's own submissions, looked up by its job name, oldest first."""
        run_uri = self.run.records_uri(self.run.run_id)
        return self._batch.find(submission.job_queue, submission.job_name, run_uri=run_uri)

    def parts(self) -> list[SubmissionSlice]:
        """The submissions that Batch has of the run's scans, without those whose `job_id` is another job's."""
        return self._parts_and_summaries()[0]

    def summaries(self, parts: Sequence[SubmissionSlice]) -> Summaries:
        """The number of the parts' jobs in each status; the jobs of other submissions are missing."""
        return self._summaries_of(parts)[0]

    def _summaries_of(self, parts: Sequence[SubmissionSlice]) -> tuple[Summaries, Mapping[str, str]]:
        return self._batch.summaries([part.submission for part in parts], run_uris=self.run.records_uris)

    def _recorded_parts(self) -> list[SubmissionSlice]:
        """The submissions that Batch has of the run's scans; an `intended` one is looked up by its job name."""
        submissions = dict(self.on_s3.submissions())
        own = submissions.get(self.run.run_id, [])
        self._unsubmitted, self._unconfirmed = {}, set()
        if sum(submission.size for submission in own) < self.run.submitted_count:
            submission_log = [self._looked_up(submission) for submission in self.on_s3.submission_log()]
            submissions[self.run.run_id] = [entry for entry in submission_log if entry.state == "submitted"]
            self._unsubmitted = unsubmitted_statuses(self.run, submission_log, now=self._now())
            intended = [submission for submission in submission_log if submission.state == "intended"]
            self._unconfirmed = {index for submission in intended for index in submission.indices}
        return self._array_jobs.parts(submissions)

    def _parts_and_summaries(self) -> tuple[list[SubmissionSlice], Summaries]:
        parts = self._recorded_parts()
        self.last_parts, summaries = self._checked_parts(parts, *self._summaries_of(parts))
        self.jobs_are_over = not any(has_active_jobs(summary) for summary in summaries.values())
        return self.last_parts, summaries

    def _checked_parts(
        self, parts: list[SubmissionSlice], summaries: Summaries, foreign: Mapping[str, str]
    ) -> tuple[list[SubmissionSlice], Summaries]:
        """The parts with their summaries; read again without the jobs that are not the submissions' own."""
        if not foreign:
            return parts, summaries
        for part in parts:
            if name := foreign.get(part.submission.job_id):
                self.on_s3.disbelieve(part.run_id, part.submission, foreign_job(part.submission, name))
        parts = self._recorded_parts()
        return parts, self.summaries(parts)

    def _read(
        self, jobs_of: Callable[..., Poll], *, described: Sequence[int] = (), wait_reason: bool = False
    ) -> RunSnapshot:
        """Read S3 after Batch's summaries, so that nothing on S3 is older than what these count."""
        parts, summaries = self._parts_and_summaries()
        with ExitStack() as under_way:
            if wait_reason:
                reason = under_way.enter_context(asked_early(lambda: self._array_jobs.wait_reason(parts, summaries)))
            if jobs_of == self._array_jobs.poll:
                self._ended_before |= self._array_jobs.list_failed(parts, summaries)
            attempts = under_way.enter_context(self.on_s3.reading_attempts())
            results = self.on_s3.results()
            poll = self._poll(jobs_of, parts, summaries, results, described=described)
            recorded = attempts()
            self._ended_before |= self._array_jobs.ended_before(parts, summaries, poll.jobs, done=_done(results))
            if self._has_ended_since(poll.jobs.items()):
                with self.on_s3.reading_attempts() as attempts_again:
                    results = self.on_s3.results()
                    recorded = attempts_again()
            snapshot = self._join(parts, summaries, poll, results, attempts=recorded)
            return replace(snapshot, wait_reason=reason()) if wait_reason else snapshot

    def _poll(
        self,
        jobs_of: Callable[..., Poll],
        parts: Sequence[SubmissionSlice],
        summaries: Summaries,
        results: Mapping[int, Result],
        *,
        described: Sequence[int] = (),
    ) -> Poll:
        """The jobs of the scans that are not done, and those that are to be described."""
        poll = jobs_of(parts, summaries, done=_done(results))
        if described:
            poll.jobs |= dict(self._array_jobs.explain(self._array_jobs.job_ids(parts, described)))
        return poll

    def _has_ended_since(self, jobs: Iterable[tuple[int, BatchJob]]) -> bool:
        """Whether a job may have ended since the results were read, and written its own in between."""
        ended = {index for index, job in jobs if job.is_over}
        if ended <= self._ended_before:
            return False
        self._ended_before |= ended
        return True

    def _join(
        self,
        parts: Sequence[SubmissionSlice],
        summaries: Summaries,
        poll: Poll,
        results: dict[int, Result],
        *,
        attempts: Sequence[Attempt] | None,
    ) -> RunSnapshot:
        """Complete what is known from Batch where the records leave something open, and join it.

        Parameters
        ----------
        attempts
            None: the snapshot says nothing of attempts, and Batch is not asked about them.
        """
        jobs = dict(poll.jobs)
        recorded = attempts or ()
        by_scan = merge_attempts(recorded, results, [*self._explained.values(), *jobs.items()])
        unexplained = unexplained_ends(by_scan, jobs, done=_done(results))
        retried: list[int] = []
        if attempts is not None:
            counted = {index for _, indices in poll.counted for index in indices}
            # ListJobs does not tell a job's attempts: a described job stays as it is.
            jobs = {**self._running(parts, summaries, by_scan, counted), **jobs}
            unexplained |= unexplained_attempts(by_scan, jobs)
            retried = [index for index in sorted(counted & by_scan.keys()) if by_scan[index][-1].number > 1]
            unexplained |= set(self._array_jobs.job_ids(parts, set(retried[:_RETRIED_PER_POLL]) - jobs.keys()))
        if explained := self._array_jobs.explain(unexplained):
            if self._has_ended_since(explained):
                results = self.on_s3.results()
            self._explained |= {job.job_id: (index, job) for index, job in explained}
            jobs |= {index: job for index, job in explained if index not in jobs or jobs[index].job_id == job.job_id}
            by_scan = merge_attempts(recorded, results, [*self._explained.values(), *jobs.items()])
        self._save_final_job_states(jobs, results, recorded)
        listed = {index: jobs[index] for index in retried if index in jobs}
        unlisted = {index for _, indices in poll.counted for index in indices} - listed.keys()
        return RunSnapshot(
            run=self.run,
            at=self._now(),
            results=results,
            attempts=by_scan,
            jobs=jobs,
            # An attempt proves that its submission was made.
            unsubmitted={
                index: given_up(scan) if index in by_scan else scan
                for index, scan in self._unsubmitted.items()
                if not (index in self._unconfirmed and index in by_scan)
            },
            indices=tuple(index for index in self.run.remaining if index not in unlisted),
            unlisted=poll.unlisted(listed),
            sharing={} if attempts is None else self.on_s3.sharing(),
        )

    def _running(
        self, parts: Sequence[SubmissionSlice], summaries: Summaries, attempts: AttemptsByScan, counted: Set[int]
    ) -> dict[int, BatchJob]:
        """The running jobs of counted scans with an open attempt: the attempts of the others have ended."""
        is_open_at = {index for index in counted if any(map(is_open, attempts.get(index, ())))}
        if not is_open_at:
            return {}
        running = self._array_jobs.running(parts, summaries, is_open_at)
        return {index: job for index, job in running.items() if index in is_open_at}

    def _looked_up(self, submission: Submission) -> Submission:
        """An `intended` submission with the id of its job, where Batch has, or had, one of its name."""
        if submission.state != "intended":
            return submission
        if submission.number not in self._found_by_name:
            job_ids = self.job_ids_of(submission)
            job_ids = job_ids or self._array_jobs.saved_job_ids(submission)
            if not job_ids:
                return submission
            self._found_by_name[submission.number] = submission.submitted(job_ids[0], at=submission.at)
        return self._found_by_name[submission.number]

    def _save_final_job_states(
        self, jobs: Mapping[int, BatchJob], results: Mapping[int, Result], recorded: Sequence[Attempt]
    ) -> None:
        """Save what only Batch knows, if this reader saves."""
        over = {index: job for index, job in jobs.items() if job.is_over and self.run.scans[index]}
        ended = over if self._is_saving else {}
        if not ended:
            return
        own_results = {index: result for index, result in results.items() if index in ended}
        by_scan = merge_attempts([attempt for attempt in recorded if attempt.index in ended], own_results, ())
        done = _done(own_results)
        final_states = {
            index: job
            for index, job in ended.items()
            if tells_more(job, by_scan.get(index, ()))
            or (job.cancelled_by is not None and index not in done)
            or (index not in own_results and self._array_jobs.was_described(job))
        }
        if final_states:
            # A person who only looks may have no permission to write.
            with suppress(Problem):
                self.on_s3.save_final_job_states(final_states)


def _done(results: Mapping[int, Result]) -> set[int]:
    """The scans with a succeeded result."""
    return {index for index, result in results.items() if result.succeeded}
