"""One run's records on S3, including those of the scans that it adopted from earlier runs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace

from opsctl.commands.runs.records import Records
from opsctl.core.errors import Problem
from opsctl.core.runs.attempt import Attempt
from opsctl.core.runs.manifest import Run
from opsctl.core.runs.result import Result
from opsctl.core.runs.status import BatchJob
from opsctl.core.runs.submission import Submission


class RunReader:
    """Reads what is known of a run, by this run's own indices."""

    def __init__(self, run: Run, *, records: Records) -> None:
        self.run = run
        self._records = records
        self._index_maps = run.places()
        self._runs: dict[str, Run | None] = {run.run_id: run}
        self._submissions: dict[str, list[Submission]] = {}
        # By run: what waits for the submissions that are being read.
        self._early_logs: dict[str, Callable[[str, Run | None], list[Submission]]] = {}
        # By run, the ids in submissions that are other submissions' jobs in AWS Batch.
        self._foreign_jobs: defaultdict[str, set[str]] = defaultdict(set)

    def submission_log(self) -> list[Submission]:
        """The run's own submissions, whatever their state."""
        return self._submission_log(self.run.run_id)

    def intended(self) -> list[Submission]:
        """The run's own submissions that are recorded as `intended`, whether or not Batch has them."""
        known = self._submissions.get(self.run.run_id)
        # Submitted and abandoned ones do not change any more.
        submission_log = known if known and not _has_intended(known) else self.submission_log()
        return [submission for submission in submission_log if submission.state == "intended"]

    def disbelieve(self, run_id: str, submission: Submission, detail: str) -> None:
        """Report a submission whose job is another's: from now on its own job counts as not known (`intended`)."""
        self._foreign_jobs[run_id].add(submission.job_id)
        self._submissions.pop(run_id, None)
        self._records.report_submission(run_id, submission, detail)

    def _submission_log(self, run_id: str) -> list[Submission]:
        return self._with_own_jobs(run_id, self._records.submission_log(run_id, self._run_of(run_id)))

    def _with_own_jobs(self, run_id: str, submission_log: Iterable[Submission]) -> list[Submission]:
        foreign_jobs = self._foreign_jobs[run_id]
        return [
            submission.without_job() if submission.job_id in foreign_jobs else submission
            for submission in submission_log
        ]

    def results(self, *, files: bool = False) -> dict[int, Result]:
        """The results that exist, by index, with their lists of files or without (`Records.results`)."""
        results = {}
        for run_id, index_map in self._index_maps.items():
            read = self._records.results(run_id, files=files, contradiction=self._contradiction(index_map))
            for origin_index in read.keys() & index_map.keys():
                index, result = index_map[origin_index], read[origin_index]
                results[index] = result if result.index == index else replace(result, index=index)
        return results

    def each_result(self) -> Iterator[Result]:
        """The results that exist, with their lists of files, in no order (`Records.each_result`)."""
        for run_id, index_map in self._index_maps.items():
            for result in self._records.each_result(run_id, contradiction=self._contradiction(index_map)):
                if result.index in index_map:
                    yield replace(result, index=index_map[result.index])

    def _run_of(self, run_id: str) -> Run | None:
        """The record of this run, or of one that it adopted from; None where that one cannot be read."""
        if run_id not in self._runs:
            self._runs[run_id] = None
            with suppress(Problem):
                self._runs[run_id] = self._records.run(run_id)
        return self._runs[run_id]

    def sharing(self) -> dict[int, int]:
        """How many jobs an instance held where the adopted scans ran, where the records of their runs can be read."""
        others = {run_id: run for run_id in self._index_maps if (run := self._run_of(run_id)) and run is not self.run}
        return {
            index: run.scans_per_instance
            for run_id, run in others.items()
            for index in self._index_maps[run_id].values()
        }

    def own_results(self) -> list[Result]:
        """The results of the scans that this run submitted, without their lists of files."""
        index_map = self._index_maps.get(self.run.run_id, {})
        results = self._records.results(self.run.run_id, contradiction=self._contradiction(index_map))
        return [result for index, result in results.items() if index in index_map]

    def result(self, index: int) -> Result | None:
        """A scan's result with its list of files; None where there is none."""
        origin = self.run.origin(index)
        check = self._contradiction({origin.index: index})
        return self._records.result(origin.run_id, origin.index, contradiction=check)

    def _contradiction(self, index_map: Mapping[int, int]) -> Callable[[Result], str]:
        """Says why a result cannot be its scan's; `index_map`: this run's indices by those of the run that made it."""

        def contradiction(result: Result) -> str:
            index = index_map.get(result.index)
            if index is None or not self.run.scans[index]:
                return ""
            return result.contradiction(self.run.scans[index], self.run.scan_uri(index))

        return contradiction

    def attempts(self) -> list[Attempt]:
        """Every attempt that a job recorded."""
        return self._own_attempts(self._records.attempts)

    @contextmanager
    def reading_attempts(self) -> Iterator[Callable[[], list[Attempt]]]:
        """Read the attempts in the background of the block, as they are at its beginning; yields what returns them."""
        with self._records.reading_attempts(self._index_maps) as attempts_of:
            yield lambda: self._own_attempts(attempts_of)

    def _own_attempts(self, attempts_of: Callable[[str], list[Attempt]]) -> list[Attempt]:
        return [
            attempt if attempt.index == index else replace(attempt, index=index)
            for run_id, index_map in self._index_maps.items()
            for attempt in attempts_of(run_id)
            if (index := index_map.get(attempt.index)) is not None
        ]

    @contextmanager
    def reading_submissions(self) -> Iterator[None]:
        """Read the submissions in the background of the block, for `submissions`, where nobody has read them before."""
        if self._submissions:
            yield
            return
        with self._records.reading_submissions(self._index_maps) as log_of:
            self._early_logs = dict.fromkeys(self._index_maps, log_of)
            try:
                yield
            finally:
                self._early_logs = {}

    def submissions(self) -> dict[str, list[Submission]]:
        """The submissions that Batch has, by run: of this run and of those that it adopted from.

        A run's submissions are read again as long as further ones may follow.
        """
        for run_id in self._index_maps:
            known = self._submissions.get(run_id)
            if not known and (log_of := self._early_logs.pop(run_id, None)) is not None:
                known = self._submissions[run_id] = self._with_own_jobs(run_id, log_of(run_id, self._run_of(run_id)))
            if not known or _has_intended(known):
                self._submissions[run_id] = self._submission_log(run_id)
        return {
            run_id: [submission for submission in submissions if submission.state == "submitted"]
            for run_id, submissions in self._submissions.items()
        }

    def save_final_job_states(self, jobs: Mapping[int, BatchJob]) -> None:
        """Save ended jobs beside the runs that submitted them: Batch forgets them after some days."""
        by_run: dict[str, dict[int, BatchJob]] = defaultdict(dict)
        for index, job in jobs.items():
            origin = self.run.origin(index)
            by_run[origin.run_id][origin.index] = job.of_scan(origin.index)
        for run_id, final_states in by_run.items():
            saved = self._records.load_final_job_states(run_id)
            if any(saved.get(index) != job for index, job in final_states.items()):
                self._records.save_final_job_states(run_id, {**saved, **final_states})


def _has_intended(submission_log: Iterable[Submission]) -> bool:
    return any(submission.state == "intended" for submission in submission_log)
