"""Batch's view of a run's scans, with few API calls: the arrays' summaries first, child jobs only where needed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field

from opsctl.aws.batch.batch import Batch
from opsctl.commands.runs.records import Records
from opsctl.core.diagnosis.blocked_reasons import is_blocked_reason
from opsctl.core.runs.manifest import Run
from opsctl.core.runs.result import Result
from opsctl.core.runs.state_counts import count_states
from opsctl.core.runs.status import ENDED, FROM_BATCH, BatchJob, State
from opsctl.core.runs.submission import Submission

Summaries = Mapping[str, Mapping[str, int]]

#: Of an array that is only partly this run's, more scans than this are listed rather than described 100 per call.
_MOST_DESCRIBED = 500


def has_active_jobs(summary: Mapping[str, int]) -> bool:
    """Whether an array's summary counts a job that has not ended."""
    return any(count for status, count in summary.items() if status not in ENDED)


@dataclass
class Poll:
    """The result of one poll.

    Attributes
    ----------
    jobs
        The jobs that are known one by one, by the scan's index.
    unlisted
        How many further scans are in which state.
    counted
        The scans that `unlisted` counts.
    """

    jobs: dict[int, BatchJob] = field(default_factory=dict)
    unlisted: Counter[State] = field(default_factory=Counter)
    counted: set[int] = field(default_factory=set)


@dataclass(frozen=True)
class SubmissionSlice:
    """The part of one submission whose child jobs process scans of this run.

    Attributes
    ----------
    run_id
        The run that submitted it: this run, or one whose jobs it adopted.
    run_index_by_origin
        The scans' indices in this run, by their indices in the run that submitted them.
    """

    run_id: str
    submission: Submission
    run_index_by_origin: Mapping[int, int]

    def job_id(self, origin_index: int) -> str:
        """Batch's id of the job of one scan."""
        return self.submission.child_id(origin_index)

    @property
    def run_indices(self) -> set[int]:
        """The scans' indices in this run."""
        return set(self.run_index_by_origin.values())

    @property
    def is_whole(self) -> bool:
        """Whether every child job of the submission processes a scan of this run."""
        return len(self.run_index_by_origin) == self.submission.size


class ArrayJobs:
    """The jobs of one run's scans, including adopted jobs."""

    def __init__(self, run: Run, *, records: Records, batch: Batch) -> None:
        self._records = records
        self._batch = batch
        self._index_maps = run.places()
        # Ended jobs by this run's index: they do not change any more.
        self._ended: dict[int, BatchJob] = {}
        # Which of them were described: DescribeJobs says more than ListJobs.
        self._described: set[int] = set()
        self._saved: dict[str, dict[int, BatchJob]] = {}

    def parts(self, submissions: Mapping[str, Sequence[Submission]]) -> list[SubmissionSlice]:
        """The slices that hold scans of this run, from the submissions by run id."""
        parts = []
        for run_id, run_submissions in submissions.items():
            index_map = self._index_maps[run_id]
            for submission in run_submissions:
                run_index_by_origin = {index: index_map[index] for index in submission.indices if index in index_map}
                if run_index_by_origin:
                    parts.append(SubmissionSlice(run_id, submission, run_index_by_origin))
        return parts

    def poll(
        self,
        parts: Sequence[SubmissionSlice],
        summaries: Summaries,
        results: Mapping[int, Result],
        *,
        known: Mapping[int, BatchJob],
    ) -> Poll:
        """The state of the scans that have no succeeded result.

        Parameters
        ----------
        results
            Read after the summaries, so that a job that Batch reports as ended has written its result.
        known
            Jobs that were described already, by index.
        """
        done = {index for index, result in results.items() if result.succeeded}
        poll = Poll()
        self._remember_described(known)
        poll.jobs |= {index: job for index, job in known.items() if index not in done}
        ids_to_describe: dict[str, int] = {}
        for part in parts:
            remaining = {
                origin_index: run_index
                for origin_index, run_index in part.run_index_by_origin.items()
                if run_index not in done
            }
            summary = summaries.get(part.submission.job_id)
            if not remaining:
                continue
            if summary is None:
                self._remember_described(_by_run_index(self._saved_states(part.run_id), remaining))
            elif part.submission.is_array and part.is_whole:
                self._list_ended(part, summary, remaining, done)
                self._count_active(poll, summary, remaining)
            elif len(remaining) > _MOST_DESCRIBED:
                jobs = _by_run_index(self._batch.jobs([part.submission]), remaining)
                self._ended |= {index: job for index, job in jobs.items() if job.is_over}
                poll.jobs |= jobs
            else:
                ids_to_describe |= self._ids_of_unended(part, remaining)
        poll.jobs |= self._describe(ids_to_describe)
        self._describe_without_result(parts, results, done)
        poll.jobs |= {index: job for index, job in self._ended.items() if index not in done}
        return poll

    def describe(self, parts: Sequence[SubmissionSlice], indices: Iterable[int]) -> dict[int, BatchJob]:
        """The jobs of some scans with their attempts: one call per 100 jobs."""
        chosen = set(indices)
        ids = {
            part.job_id(origin_index): run_index
            for part in parts
            for origin_index, run_index in part.run_index_by_origin.items()
            if run_index in chosen
        }
        return {ids[job_id]: job for job_id, job in self._batch.describe(list(ids)).items()}

    def all_jobs(self, parts: Sequence[SubmissionSlice], summaries: Summaries) -> dict[int, BatchJob]:
        """Every scan's job: lists the arrays' children; jobs that Batch has forgotten come from the saved states."""
        jobs: dict[int, BatchJob] = {}
        for part in parts:
            known = self._saved_states(part.run_id)
            if part.submission.job_id in summaries:
                known = {**known, **self._batch.jobs([part.submission])}
            jobs |= _by_run_index(known, part.run_index_by_origin)
        described = {index: self._ended[index] for index in self._described & jobs.keys()}
        return {**jobs, **described}

    def wait_reason(self, parts: Sequence[SubmissionSlice], summaries: Summaries) -> str:
        """Why the first queued job waits: one call for each array that has no job starting or running."""
        for part in parts:
            summary = summaries.get(part.submission.job_id, {})
            if summary.get("RUNNABLE") and not summary.get("RUNNING") and not summary.get("STARTING"):
                if part.submission.is_array:
                    reasons = self._batch.wait_reasons(part.submission.job_id)
                else:
                    reasons = [job.reason for job in self._batch.describe([part.submission.job_id]).values()]
                if wait_reasons := [reason for reason in reasons if is_blocked_reason(reason)]:
                    return wait_reasons[0]
        return ""

    def final_job_states(self, results: Mapping[int, Result]) -> dict[int, BatchJob]:
        """What only Batch knows, and forgets: ended jobs that left no result, and who cancelled a job."""
        return {
            index: job
            for index, job in self._ended.items()
            if not (index in results and results[index].succeeded)
            and (job.cancelled_by is not None or (index in self._described and _is_later(job, results.get(index))))
        }

    def _list_ended(
        self, part: SubmissionSlice, summary: Mapping[str, int], remaining: Mapping[int, int], done: Set[int]
    ) -> None:
        """List the failed children and those that succeeded without a result, where the summary counts unknown ones."""
        indices = part.run_indices
        failed = self._ended_as("FAILED", indices)
        if summary.get("FAILED", 0) > len(failed):
            self._remember_listed(part, self._batch.children(part.submission.job_id, "FAILED"))
            failed = self._ended_as("FAILED", indices)
        with_result = len((indices & done) - failed)
        without_result = len(self._ended_as("SUCCEEDED", remaining.values()))
        if summary.get("SUCCEEDED", 0) > with_result + without_result:
            self._remember_listed(part, self._batch.children(part.submission.job_id, "SUCCEEDED"), skip=done)
        if not has_active_jobs(summary):
            # ListJobs lags behind the parent's summary.
            self._describe(self._ids_of_unended(part, remaining))

    def _count_active(self, poll: Poll, summary: Mapping[str, int], remaining: Mapping[int, int]) -> None:
        active = {index for index in remaining.values() if index not in self._ended}
        known = [FROM_BATCH[poll.jobs[index].status] for index in active & poll.jobs.keys()]
        counted = active - poll.jobs.keys()
        poll.counted |= counted
        poll.unlisted.update(count_states(summary, count=len(counted), known=known))

    def _ended_as(self, status: str, indices: Iterable[int]) -> set[int]:
        return {index for index in indices if index in self._ended and self._ended[index].status == status}

    def _ids_of_unended(self, part: SubmissionSlice, remaining: Mapping[int, int]) -> dict[str, int]:
        return {
            part.job_id(origin_index): run_index
            for origin_index, run_index in remaining.items()
            if run_index not in self._ended
        }

    def _remember_listed(
        self, part: SubmissionSlice, children: Mapping[int, BatchJob], *, skip: Set[int] = frozenset()
    ) -> None:
        for child_index, job in children.items():
            run_index = part.run_index_by_origin[part.submission.offset + child_index]
            if run_index not in self._ended and run_index not in skip:
                self._ended[run_index] = job

    def _remember_described(self, jobs: Mapping[int, BatchJob]) -> None:
        ended = {index: job for index, job in jobs.items() if job.is_over}
        self._ended |= ended
        self._described |= ended.keys()

    def _describe(self, ids: Mapping[str, int]) -> dict[int, BatchJob]:
        """Describe jobs, given this run's indices by job id, and remember the ended ones."""
        jobs = {ids[job_id]: job for job_id, job in self._batch.describe(list(ids)).items()}
        self._remember_described(jobs)
        return jobs

    def _describe_without_result(
        self, parts: Sequence[SubmissionSlice], results: Mapping[int, Result], done: Set[int]
    ) -> None:
        """Describe once each ended job that left no result: only Batch knows its attempts."""
        without_result = {
            index
            for index, job in self._ended.items()
            if index not in done and index not in self._described and _is_later(job, results.get(index))
        }
        if not without_result:
            return
        ids: dict[str, int] = {}
        for part in parts:
            saved = self._saved_states(part.run_id) if without_result & part.run_indices else {}
            for origin_index, run_index in part.run_index_by_origin.items():
                if run_index not in without_result:
                    continue
                if origin_index in saved and saved[origin_index].job_id == self._ended[run_index].job_id:
                    self._remember_described({run_index: saved[origin_index]})
                else:
                    ids[part.job_id(origin_index)] = run_index
        self._describe(ids)

    def _saved_states(self, run_id: str) -> Mapping[int, BatchJob]:
        if run_id not in self._saved:
            self._saved[run_id] = self._records.load_final_job_states(run_id)
        return self._saved[run_id]


def _by_run_index(jobs: Mapping[int, BatchJob], run_index_by_origin: Mapping[int, int]) -> dict[int, BatchJob]:
    """Jobs by this run's indices, from jobs by the indices in the run that submitted them."""
    return {
        run_index: jobs[origin_index] for origin_index, run_index in run_index_by_origin.items() if origin_index in jobs
    }


def _is_later(job: BatchJob, result: Result | None) -> bool:
    """Whether the job ended after the attempt that wrote the result: its last attempt left none."""
    return result is None or job.job_id != result.job_id or job.exit_code != result.exit_code
