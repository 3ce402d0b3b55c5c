"""Batch's word on a run's scans, asked for as little as can be: the parents' summaries, children where it must be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from opsctl.aws.batch.batch import Batch
from opsctl.commands.runs.records import Records
from opsctl.core.diagnosis.finding import is_blocked_reason
from opsctl.core.runs.manifest import Run
from opsctl.core.runs.result import Result
from opsctl.core.runs.state_counts import count_states
from opsctl.core.runs.status import FROM_BATCH, BatchJob, State
from opsctl.core.runs.submission import Submission

Summaries = Mapping[str, Mapping[str, int]]

_OVER = ("SUCCEEDED", "FAILED")

#: So many children of an array that is this run's in part only are listed rather than described by the hundred.
_MANY = 500


@dataclass
class Poll:
    """What one poll found.

    Attributes
    ----------
    jobs
        Those that were asked for one by one, by the scan's index.
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
    """One submission, as far as this run's scans are its children.

    Attributes
    ----------
    here
        This run's index of each of those scans, by the index in the run that submitted it.
    """

    run_id: str
    submission: Submission
    here: Mapping[int, int]

    def job_id(self, there: int) -> str:
        """Batch's id of the job of one scan."""
        return self.submission.child_id(there)

    @property
    def is_whole(self) -> bool:
        """Whether all its children are this run's scans."""
        return len(self.here) == self.submission.size


class ArrayJobs:
    """The jobs of one run's scans, adopted ones among them.

    Parameters
    ----------
    run
        Its record.
    """

    def __init__(self, run: Run, *, records: Records, batch: Batch) -> None:
        self._records = records
        self._batch = batch
        self._places = run.places()
        #: Last words, by this run's index: they do not change any more.
        self._ended: dict[int, BatchJob] = {}
        self._described: set[int] = set()
        self._saved: dict[str, dict[int, BatchJob]] = {}

    def parts(self, submissions: Mapping[str, Sequence[Submission]]) -> list[SubmissionSlice]:
        """The submissions that concern this run."""
        found = []
        for run_id, some in submissions.items():
            places = self._places[run_id]
            for one in some:
                here = {there: places[there] for there in one.indices if there in places}
                if here:
                    found.append(SubmissionSlice(run_id, one, here))
        return found

    def summaries(self, parts: Sequence[SubmissionSlice]) -> dict[str, dict[str, int]]:
        """The parents' counts: one call for up to 100 of them."""
        return self._batch.summaries([part.submission for part in parts])

    def poll(
        self,
        parts: Sequence[SubmissionSlice],
        summaries: Summaries,
        results: Mapping[int, Result],
        *,
        known: Mapping[int, BatchJob],
    ) -> Poll:
        """Where the scans stand that have no succeeded result.

        Parameters
        ----------
        results
            Read after the summaries: what Batch says has ended has then written its result.
        known
            Jobs that were asked for already, one by one.
        """
        done = {index for index, result in results.items() if result.succeeded}
        found = Poll()
        self._learn_ended(known)
        found.jobs |= {here: job for here, job in known.items() if here not in done}
        singly: dict[str, int] = {}
        for part in parts:
            open_ = {there: here for there, here in part.here.items() if here not in done}
            summary = summaries.get(part.submission.job_id)
            if not open_:
                continue
            if summary is None:
                kept = self._saved_states_of(part.run_id)
                self._learn_ended({here: kept[there] for there, here in open_.items() if there in kept})
            elif part.submission.is_array and part.is_whole:
                self._list_ended(part, summary, open_, done)
                self._count(summary, open_, found)
            elif len(open_) > _MANY:
                words = self._batch.jobs([part.submission])
                mine = {here: words[there] for there, here in open_.items() if there in words}
                self._ended |= {here: job for here, job in mine.items() if job.is_over}
                found.jobs |= mine
            else:
                singly |= {part.job_id(there): here for there, here in open_.items() if here not in self._ended}
        found.jobs |= self._one_by_one(singly)
        self._learn_final_states(parts, results, done)
        found.jobs |= {index: job for index, job in self._ended.items() if index not in done}
        return found

    def describe(self, parts: Sequence[SubmissionSlice], indices: Sequence[int]) -> dict[int, BatchJob]:
        """Some scans' jobs with their attempts: a call for each hundred."""
        wanted = set(indices)
        ids = {part.job_id(there): here for part in parts for there, here in part.here.items() if here in wanted}
        return {ids[job_id]: job for job_id, job in self._batch.describe(list(ids)).items()}

    def all_jobs(self, parts: Sequence[SubmissionSlice], summaries: Summaries) -> dict[int, BatchJob]:
        """Every scan's job: lists the children; what Batch has forgotten is as it was written down."""
        found: dict[int, BatchJob] = {}
        for part in parts:
            known = self._saved_states_of(part.run_id)
            if part.submission.job_id in summaries:
                known = {**known, **self._batch.jobs([part.submission])}
            found |= {part.here[there]: job for there, job in known.items() if there in part.here}
        described = {index: self._ended[index] for index in self._described & found.keys()}
        return {**found, **described}

    def wait_reason(self, parts: Sequence[SubmissionSlice], summaries: Summaries) -> str:
        """Why the first job in the line waits: one call for each array of which nothing starts or runs."""
        for part in parts:
            summary = summaries.get(part.submission.job_id, {})
            if summary.get("RUNNABLE") and not summary.get("RUNNING") and not summary.get("STARTING"):
                if part.submission.is_array:
                    reasons = self._batch.wait_reasons(part.submission.job_id)
                else:
                    reasons = [job.reason for job in self._batch.describe([part.submission.job_id]).values()]
                if waits := [reason for reason in reasons if is_blocked_reason(reason)]:
                    return waits[0]
        return ""

    def _list_ended(
        self, part: SubmissionSlice, summary: Mapping[str, int], open_: Mapping[int, int], done: set[int]
    ) -> None:
        """Learn which failed, and which ended well without a result: only where the counts say that some did."""
        mine = [here for here in part.here.values() if here in self._ended]
        failed = {here for here in mine if self._ended[here].status == "FAILED"}
        if summary.get("FAILED", 0) > len(failed):
            self._learn(part, self._batch.children(part.submission.job_id, "FAILED"))
            failed = {here for here in part.here.values() if self._is(here, "FAILED")}
        well = sum(1 for here in part.here.values() if here in done and here not in failed)
        hollow = sum(1 for here in open_.values() if self._is(here, "SUCCEEDED"))
        if summary.get("SUCCEEDED", 0) > well + hollow:
            self._learn(part, self._batch.children(part.submission.job_id, "SUCCEEDED"), done=done)
        is_over = not any(count for status, count in summary.items() if status not in _OVER)
        lost = {part.job_id(there): here for there, here in open_.items() if here not in self._ended}
        if is_over and lost:
            # ListJobs lags behind the parent's summary.
            self._one_by_one(lost)

    def _count(self, summary: Mapping[str, int], open_: Mapping[int, int], found: Poll) -> None:
        active = {here for here in open_.values() if here not in self._ended}
        known = [FROM_BATCH[found.jobs[here].status] for here in active & found.jobs.keys()]
        counted = active - found.jobs.keys()
        found.counted |= counted
        found.unlisted.update(count_states(summary, count=len(counted), known=known))

    def _learn(self, part: SubmissionSlice, children: Mapping[int, BatchJob], *, done: set[int] = frozenset()) -> None:  # type: ignore[assignment]
        for place, job in children.items():
            here = part.here[part.submission.offset + place]
            if here not in self._ended and here not in done:
                self._ended[here] = job

    def _is(self, here: int, status: str) -> bool:
        return here in self._ended and self._ended[here].status == status

    def _one_by_one(self, ids: Mapping[str, int]) -> dict[int, BatchJob]:
        found = {ids[job_id]: job for job_id, job in self._batch.describe(list(ids)).items()}
        self._learn_ended(found)
        return found

    def _learn_ended(self, jobs: Mapping[int, BatchJob]) -> None:
        """Remember the last words among jobs that were described: they say more than a list does."""
        over = {here: job for here, job in jobs.items() if job.is_over}
        self._ended |= over
        self._described |= over.keys()

    def _learn_final_states(
        self, parts: Sequence[SubmissionSlice], results: Mapping[int, Result], done: set[int]
    ) -> None:
        """Describe, once, the ended jobs that left no result: their attempts are known to Batch alone."""
        bare = {
            here
            for here, job in self._ended.items()
            if here not in done and here not in self._described and _is_later(job, results.get(here))
        }
        if not bare:
            return
        wanted: dict[str, int] = {}
        for part in parts:
            kept = self._saved_states_of(part.run_id) if bare & set(part.here.values()) else {}
            for there, here in part.here.items():
                if here not in bare:
                    continue
                if there in kept and kept[there].job_id == self._ended[here].job_id:
                    self._ended[here] = kept[there]
                    self._described.add(here)
                else:
                    wanted[part.job_id(there)] = here
        self._one_by_one(wanted)

    def _saved_states_of(self, run_id: str) -> Mapping[int, BatchJob]:
        if run_id not in self._saved:
            self._saved[run_id] = self._records.load_final_job_states(run_id)
        return self._saved[run_id]

    def final_job_states(self, results: Mapping[int, Result]) -> dict[int, BatchJob]:
        """What only Batch knows, and forgets: ended jobs that left no result, and who cancelled which."""
        return {
            index: job
            for index, job in self._ended.items()
            if not (index in results and results[index].succeeded)
            and (job.cancelled_by is not None or (index in self._described and _is_later(job, results.get(index))))
        }


def _is_later(job: BatchJob, result: Result | None) -> bool:
    """Whether a job's end is not the one that its result tells: its last attempt left none."""
    return result is None or job.job_id != result.job_id or job.exit_code != result.exit_code
