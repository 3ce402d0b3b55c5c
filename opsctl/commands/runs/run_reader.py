"""One run as it stands: jobs, attempts and results of its own scans, and of those that it adopted from earlier runs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace

from opsctl.aws.batch.batch import Batch
from opsctl.commands.runs.records import Records
from opsctl.core.runs.attempt import Attempt
from opsctl.core.runs.manifest import Run
from opsctl.core.runs.result import Result
from opsctl.core.runs.status import BatchJob
from opsctl.core.runs.submission import Submission


class RunReader:
    """Reads a run's facts, everything by this run's own indices.

    Parameters
    ----------
    run
        Its record.
    """

    def __init__(self, run: Run, *, records: Records, batch: Batch) -> None:
        self.run = run
        self._records = records
        self._batch = batch
        self._places = run.places()
        self._submissions: dict[str, list[Submission]] = {}

    def submission_log(self) -> list[Submission]:
        """The run's own submissions, whatever became of them."""
        return self._records.submission_log(self.run.run_id)

    def results(self) -> dict[int, Result]:
        """The results that are there."""
        return {
            here: replace(result, index=here)
            for run_id, places in self._places.items()
            for there, result in self._records.results(run_id).items()
            if (here := places.get(there)) is not None
        }

    def attempts(self) -> list[Attempt]:
        """Every attempt that a job wrote down."""
        return [
            replace(attempt, index=places[attempt.index])
            for run_id, places in self._places.items()
            for attempt in self._records.attempts(run_id)
            if attempt.index in places
        ]

    def attempt_numbers(self) -> dict[int, int]:
        """The highest attempt of each scan that has had one; nothing is read but a listing."""
        return {
            places[there]: number
            for run_id, places in self._places.items()
            for there, number in self._records.attempt_numbers(run_id).items()
            if there in places
        }

    def submissions(self) -> dict[str, list[Submission]]:
        """What Batch has of this run and of those it adopted from, by run; read again while one may still come."""
        for run_id in self._places:
            known = self._submissions.get(run_id)
            if known is None or any(one.state == "intended" for one in known) or not known:
                self._submissions[run_id] = self._records.submission_log(run_id)
        return {
            run_id: [one for one in found if one.state == "submitted"] for run_id, found in self._submissions.items()
        }

    def summaries(self) -> dict[str, dict[str, int]]:
        """How many children of each job are in each status, by job id: one call for up to 100 jobs."""
        return self._batch.summaries([one for found in self.submissions().values() for one in found])

    def jobs(self) -> dict[int, BatchJob]:
        """Batch's word on every scan: today's, or else the last that was written down."""
        found: dict[int, BatchJob] = {}
        for run_id, submissions in self.submissions().items():
            places = self._places[run_id]
            wanted = [one for one in submissions if any(index in places for index in one.indices)]
            words = self._batch.jobs(wanted)
            words = {**self._records.load_final_job_states(run_id), **words} if len(words) < len(places) else words
            found |= {places[there]: job.of_scan(places[there]) for there, job in words.items() if there in places}
        return found

    def keep(self, jobs: Mapping[int, BatchJob]) -> None:
        """Write Batch's last words down beside the runs that they are about: Batch forgets them after some days."""
        by_run: dict[str, dict[int, BatchJob]] = defaultdict(dict)
        for index, job in jobs.items():
            origin = self.run.origin(index)
            by_run[origin.run_id][origin.index] = job.of_scan(origin.index)
        for run_id, some in by_run.items():
            known = self._records.load_final_job_states(run_id)
            if any(known.get(index) != job for index, job in some.items()):
                self._records.save_final_job_states(run_id, {**known, **some})
