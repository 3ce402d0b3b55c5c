"""Batch's view of a run's scans, with few API calls: the arrays' summaries first, child jobs only where needed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field

from opsctl.aws.batch.batch import Batch
from opsctl.commands.runs.records import Records
from opsctl.core.diagnosis.blocked_reasons import is_blocked_reason
from opsctl.core.runs.manifest import Run
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
    """Batch's view of the scans without a succeeded result.

    Attributes
    ----------
    jobs
        The jobs that are known one by one, by the scan's index.
    counted
        The other scans, each set with the summary of its array.
    """

    jobs: dict[int, BatchJob] = field(default_factory=dict)
    counted: list[tuple[Mapping[str, int], set[int]]] = field(default_factory=list)

    def unlisted(self, listed: Mapping[int, BatchJob]) -> Counter[State]:
        """How many of the counted scans are in which state, except those that are listed after all."""
        counts: Counter[State] = Counter()
        for summary, indices in self.counted:
            jobs = [listed[index] for index in indices & listed.keys()]
            # The summary still counts a job that has ended since then, most likely as running.
            known: list[State] = ["RUNNING" if job.is_over else FROM_BATCH[job.status] for job in jobs]
            counts.update(count_states(summary, count=len(indices - listed.keys()), known=known))
        return counts


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

    def without(self, done: Set[int]) -> dict[int, int]:
        """The scans' indices in this run by their indices in the run that submitted them, except some scans."""
        return {origin: index for origin, index in self.run_index_by_origin.items() if index not in done}

    @property
    def is_whole(self) -> bool:
        """Whether every child job of the submission processes a scan of this run."""
        return len(self.run_index_by_origin) == self.submission.size


class ArrayJobs:
    """The jobs of one run's scans, including adopted jobs."""

    def __init__(self, run: Run, *, records: Records, batch: Batch) -> None:
        self._run = run
        self._records = records
        self._batch = batch
        self._index_maps = run.places()
        # Ended jobs by this run's index: they do not change any more.
        self._ended: dict[int, BatchJob] = {}
        # By id, the jobs that Batch was asked to describe: it says more than the list. None: it has forgotten the job.
        self._described: dict[str, BatchJob | None] = {}
        self._saved: dict[str, Mapping[int, BatchJob]] = {}

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

    def list_failed(self, parts: Sequence[SubmissionSlice], summaries: Summaries) -> set[int]:
        """List the failed jobs of whole arrays where the summaries count unknown ones.

        Returns
        -------
        set
            The scans whose jobs are known to have ended: results that are read after this are not older than that.
        """
        for part in parts:
            summary = summaries.get(part.submission.job_id, {})
            if part.submission.is_array and part.is_whole:
                failed = self._ended_as("FAILED", part.run_indices)
                if summary.get("FAILED", 0) > len(failed):
                    self._remember_listed(part, self._batch.children(part.submission.job_id, "FAILED"))
        return set(self._ended)

    def ended_before(
        self, parts: Sequence[SubmissionSlice], summaries: Summaries, jobs: Mapping[int, BatchJob], *, done: Set[int]
    ) -> set[int]:
        """The scans of which it is sure that their jobs had ended when the summaries were read.

        A summary that counts as many ended jobs as there are now counts the same ones. That holds for jobs that were
        described, because ListJobs lags behind; and Batch has forgotten only what ended days ago.

        Parameters
        ----------
        jobs
            Jobs by the scan's index, read after the summaries.
        done
            The scans with a succeeded result.
        """
        before: set[int] = set()
        for part in parts:
            ended = {index for index in part.run_indices & jobs.keys() if jobs[index].is_over}
            summary = summaries.get(part.submission.job_id)
            if summary is None:
                before |= ended
                continue
            unended = part.run_indices - ended - done
            counted = sum(summary.get(status, 0) for status in ENDED)
            if (
                part.is_whole
                and len(part.run_indices) - len(unended) == counted
                and unended <= jobs.keys()
                and all(self.was_described(jobs[index]) for index in ended | unended)
            ):
                before |= ended
        return before

    def poll(self, parts: Sequence[SubmissionSlice], summaries: Summaries, *, done: Set[int]) -> Poll:
        """The jobs that have ended, and how many others are in which state: with as few calls as possible.

        Parameters
        ----------
        done
            The scans with a succeeded result; read after the summaries and `list_failed`, so that a job that Batch
            reports as ended has written its result.
        """
        poll = Poll()
        to_describe: dict[str, int] = {}
        for part in parts:
            remaining = part.without(done)
            summary = summaries.get(part.submission.job_id)
            if not remaining:
                continue
            if summary is None:
                self._ended |= _by_run_index(self._saved_states(part.run_id), remaining)
            elif part.submission.is_array and part.is_whole:
                self._list_ended(part, summary, remaining, done)
                poll.counted.append((summary, {index for index in remaining.values() if index not in self._ended}))
            elif len(remaining) > _MOST_DESCRIBED:
                poll.jobs |= self._remember(_by_run_index(self._batch.jobs([part.submission]), remaining))
            else:
                to_describe |= self._ids_of_unended(part, remaining)
        poll.jobs |= self._describe_all(to_describe)
        poll.jobs |= {index: job for index, job in self._ended.items() if index not in done}
        return poll

    def every_job(self, parts: Sequence[SubmissionSlice], summaries: Summaries, *, done: Set[int]) -> Poll:
        """The job of every scan without a succeeded result; nothing is only counted.

        Jobs that Batch has forgotten come from the saved states.
        """
        poll = Poll()
        to_describe: dict[str, int] = {}
        for part in parts:
            remaining = part.without(done)
            unended = self._ids_of_unended(part, remaining)
            if part.submission.job_id not in summaries:
                self._ended |= _by_run_index(self._saved_states(part.run_id), remaining)
            elif part.submission.is_array and len(unended) > _MOST_DESCRIBED:
                poll.jobs |= self._remember(_by_run_index(self._batch.jobs([part.submission]), remaining))
            else:
                to_describe |= unended
        poll.jobs |= self._describe_all(to_describe)
        poll.jobs |= {index: job for index, job in self._ended.items() if index not in done}
        return poll

    def running(self, parts: Sequence[SubmissionSlice], summaries: Summaries, indices: Set[int]) -> dict[int, BatchJob]:
        """The running jobs of the arrays that hold any of these scans: one call for 1,000 running jobs."""
        jobs: dict[int, BatchJob] = {}
        for part in parts:
            if summaries.get(part.submission.job_id, {}).get("RUNNING") and indices & part.run_indices:
                children = self._batch.children(part.submission.job_id, "RUNNING")
                offset = part.submission.offset
                by_origin = {offset + child_index: job for child_index, job in children.items()}
                jobs |= _by_run_index(by_origin, part.run_index_by_origin)
        return jobs

    def explain(self, unexplained: Iterable[tuple[int, str]]) -> list[tuple[int, BatchJob]]:
        """Jobs with their attempts: one call per 100 jobs; from the saved states where Batch has forgotten them.

        Parameters
        ----------
        unexplained
            Pairs of a scan's index in this run and a job's id. An ended job is described only once.
        """
        index_by_id = {job_id: index for index, job_id in unexplained if job_id}
        self._describe(
            [job_id for job_id in index_by_id if (job := self._described.get(job_id)) is None or not job.is_over]
        )
        jobs = []
        for job_id, index in index_by_id.items():
            job = self._described.get(job_id) or self._saved_job(index, job_id)
            if job is not None:
                jobs.append((index, job))
        return jobs

    def was_described(self, job: BatchJob) -> bool:
        """Whether Batch described the job in its present state."""
        return self._described.get(job.job_id) == job

    def job_ids(self, parts: Sequence[SubmissionSlice], indices: Iterable[int]) -> list[tuple[int, str]]:
        """Pairs of a scan's index and its job's id, for some scans; those without a job are missing."""
        chosen = set(indices)
        return [
            (run_index, part.job_id(origin_index))
            for part in parts
            for origin_index, run_index in part.run_index_by_origin.items()
            if run_index in chosen
        ]

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

    def saved_job_ids(self, submission: Submission) -> list[str]:
        """The id of the job of one of the run's own submissions, where a final state of it was saved; else nothing."""
        saved = self._saved_states(self._run.run_id)
        return [saved[index].job_id.partition(":")[0] for index in submission.indices if index in saved][:1]

    def _list_ended(
        self, part: SubmissionSlice, summary: Mapping[str, int], remaining: Mapping[int, int], done: Set[int]
    ) -> None:
        """List the children that succeeded without a result, where the summary counts unknown ones."""
        indices = part.run_indices
        failed = self._ended_as("FAILED", indices)
        with_result = len((indices & done) - failed)
        without_result = len(self._ended_as("SUCCEEDED", remaining.values()))
        if summary.get("SUCCEEDED", 0) > with_result + without_result:
            self._remember_listed(part, self._batch.children(part.submission.job_id, "SUCCEEDED"), skip=done)
        if not has_active_jobs(summary):
            # ListJobs lags behind the parent's summary.
            self._describe_all(self._ids_of_unended(part, remaining))

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
            run_index = part.run_index_by_origin.get(part.submission.offset + child_index)
            if run_index is not None and run_index not in self._ended and run_index not in skip:
                self._ended[run_index] = job

    def _remember(self, jobs: dict[int, BatchJob]) -> dict[int, BatchJob]:
        """Remember the ended ones of these jobs; returns all of them."""
        self._ended |= {index: job for index, job in jobs.items() if job.is_over}
        return jobs

    def _describe(self, job_ids: Sequence[str]) -> None:
        # The ids may be those of attempts and results, which a record can give any value.
        described = self._batch.describe(job_ids, run_uris=self._run.records_uris) if job_ids else {}
        self._described |= {job_id: described.get(job_id) for job_id in job_ids}

    def _describe_all(self, index_by_id: Mapping[str, int]) -> dict[int, BatchJob]:
        """Describe jobs, given this run's indices by job id, and remember the ended ones."""
        self._describe(list(index_by_id))
        jobs = {index: job for job_id, index in index_by_id.items() if (job := self._described[job_id]) is not None}
        return self._remember(jobs)

    def _saved_job(self, index: int, job_id: str) -> BatchJob | None:
        origin = self._run.origin(index)
        job = self._saved_states(origin.run_id).get(origin.index)
        return job if job is not None and job.job_id == job_id else None

    def _saved_states(self, run_id: str) -> Mapping[int, BatchJob]:
        if run_id not in self._saved:
            self._saved[run_id] = self._records.load_final_job_states(run_id)
        return self._saved[run_id]


def _by_run_index(jobs: Mapping[int, BatchJob], run_index_by_origin: Mapping[int, int]) -> dict[int, BatchJob]:
    """Jobs by this run's indices, from jobs by the indices in the run that submitted them."""
    return {
        run_index: jobs[origin_index] for origin_index, run_index in run_index_by_origin.items() if origin_index in jobs
    }
