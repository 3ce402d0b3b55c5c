"""Reads and writes the runs' records in the data bucket, below `opsctl/runs/`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import asdict
from typing import Any

from opsctl.aws.s3.cache import Cache
from opsctl.aws.s3.storage import Storage
from opsctl.commands.runs.completion_cache import CompletionCache
from opsctl.core.dataset.scan import S3Object
from opsctl.core.errors import Problem
from opsctl.core.location import RUNS_PREFIX, Location, run_location
from opsctl.core.runs.attempt import Attempt
from opsctl.core.runs.manifest import Run, document_key, may_be_run_of, run_moment
from opsctl.core.runs.names import run_named
from opsctl.core.runs.result import Result
from opsctl.core.runs.status import BatchJob
from opsctl.core.runs.submission import Submission


class Records:
    """The records of every run, whichever machine submitted it.

    Parameters
    ----------
    cache
        Keeps on this machine what was read before.
    """

    def __init__(self, storage: Storage, *, data_bucket: str, cache: Cache | None = None) -> None:
        self._storage = storage
        self._bucket = data_bucket
        self._cache = cache or Cache()
        #: What completion and `opsctl runs` know without asking again.
        self.completion_cache = CompletionCache(self._cache, data_bucket)
        # Polling a run of 10,000 scans parses each record only once.
        self._parsed: dict[S3Object, dict[str, Any]] = {}
        self._results: dict[S3Object, Result] = {}

    def run_ids(self) -> list[str]:
        """The ids of all runs, oldest first."""
        names = self._storage.folders(Location(self._bucket, RUNS_PREFIX.rstrip("/")))
        run_ids = sorted(names, key=run_moment)
        self.completion_cache.runs(run_ids)
        return run_ids

    def run(self, run_id: str | None) -> Run:
        """A run's record; None: the latest run.

        Parameters
        ----------
        run_id
            The whole id, or a part that names one run only (`opsctl.core.runs.names.run_named`).

        Raises
        ------
        Problem
            When there is no such run, or none at all.
        """
        run = self._read_run(run_id) if run_id is not None else None
        if run is None:
            known = self.run_ids()
            # A run that was killed before it wrote its record does not count.
            candidates = reversed(known) if run_id is None else [run_named(known, run_id)]
            run = next((record for candidate in candidates if (record := self._read_run(candidate)) is not None), None)
        if run is None and run_id is not None:
            raise Problem(f"The run {run_id} has no record: it was killed before it sent anything.", "")
        if run is None:
            raise Problem("There is no run yet.", "`opsctl run DATASET` starts one.")
        self.completion_cache.run(run)
        return run

    def runs(self, run_ids: Sequence[str]) -> dict[str, Run]:
        """Several runs' records, by id; those without a record, or of another version of opsctl, are left out."""
        runs: dict[str, Run] = {}
        for run_id, value in self._run_jsons(run_ids).items():
            with suppress(Problem):
                runs[run_id] = Run.from_json(value)
        return runs

    def runs_of(self, dataset_name: str) -> list[Run]:
        """The runs that may be of a dataset of this name, judged by their ids, oldest first."""
        run_ids = [run_id for run_id in self.run_ids() if may_be_run_of(run_id, dataset_name)]
        return [Run.from_json(value) for value in self._run_jsons(run_ids).values()]

    def put_run(
        self, run: Run, documents: Mapping[int, Mapping[str, Any]], intended: Sequence[Submission] = ()
    ) -> None:
        """Write a run's scan JSONs, its submissions and its record."""
        with self.putting_documents(run, documents, intended) as wait:
            wait()
        self.put_record(run)

    def putting_documents(
        self, run: Run, documents: Mapping[int, Mapping[str, Any]], intended: Sequence[Submission]
    ) -> AbstractContextManager[Callable[[], None]]:
        """Write a run's scan JSONs and submissions while the block runs; the block may call what it gets to wait."""
        prefix = self._prefix(run.run_id)
        scans = {document_key(prefix, "scans", index): document for index, document in documents.items()}
        submissions = {_submission_key(prefix, submission): submission.as_json() for submission in intended}
        return self._storage.putting_jsons(self._bucket, {**scans, **submissions})

    def put_record(self, run: Run) -> None:
        """Write a run's record: comes last, because the record makes the run exist."""
        self._storage.put_json(self._bucket, self._run_key(run.run_id), run.as_json())

    def submission_log(self, run_id: str) -> list[Submission]:
        """A run's submissions in every state, in order; one that `run` never reached is missing."""
        return [Submission(**value) for _, value in self._documents(run_id, "submissions")]

    def submissions(self, run_id: str) -> list[Submission]:
        """A run's submissions that Batch is known to have."""
        return [submission for submission in self.submission_log(run_id) if submission.state == "submitted"]

    def put_submission(self, run_id: str, submission: Submission) -> None:
        """Write one submission; if it is abandoned, first the mark by which its jobs know."""
        prefix = self._prefix(run_id)
        if submission.state == "abandoned":
            self._storage.put_json(
                self._bucket,
                document_key(prefix, "abandoned", submission.offset),
                {"schema_version": 1, **asdict(submission)},
            )
        self._storage.put_json(self._bucket, _submission_key(prefix, submission), submission.as_json())

    def document(self, run_id: str, index: int) -> dict[str, Any] | None:
        """One scan's JSON, as its job reads it; None where it does not exist."""
        return self._storage.get_json(self._bucket, document_key(self._prefix(run_id), "scans", index))

    def documents(self, run_id: str) -> dict[int, dict[str, Any]]:
        """All scans' JSONs of a run, by index."""
        return {value["index"]: value for _, value in self._documents(run_id, "scans")}

    def results(self, run_id: str) -> dict[int, Result]:
        """The results that exist, by the scan's index."""
        results = []
        for obj, value in self._documents(run_id, "results"):
            if obj not in self._results:
                self._results[obj] = Result.from_json(value)
            results.append(self._results[obj])
        return {result.index: result for result in results}

    def attempts(self, run_id: str) -> list[Attempt]:
        """Every attempt that a run's jobs recorded, in no order."""
        return [Attempt.from_json(value) for _, value in self._documents(run_id, "attempts")]

    def load_final_job_states(self, run_id: str) -> dict[int, BatchJob]:
        """The jobs that ended without a result, as saved while Batch still knew them, by the scan's index."""
        value = self._storage.get_json(self._bucket, f"{self._prefix(run_id)}/final_job_states.json")
        jobs = (value or {}).get("jobs", {})
        return {int(index): BatchJob.from_json(job) for index, job in jobs.items()}

    def save_final_job_states(self, run_id: str, jobs: Mapping[int, BatchJob]) -> None:
        """Save ended jobs as Batch shows them now."""
        value = {"schema_version": 1, "jobs": {str(index): asdict(job) for index, job in sorted(jobs.items())}}
        self._storage.put_json(self._bucket, f"{self._prefix(run_id)}/final_job_states.json", value)

    def _documents(self, run_id: str, folder: str) -> list[tuple[S3Object, dict[str, Any]]]:
        """The JSONs of a run's folder in the order of their keys; only those unknown to this machine are read."""
        objects = sorted(
            self._storage.below(Location(self._bucket, f"{self._prefix(run_id)}/{folder}")), key=lambda obj: obj.key
        )
        unparsed = [obj for obj in objects if obj not in self._parsed]
        cached = self._cache.get(self._bucket, unparsed)
        read = self._storage.get_jsons(self._bucket, [obj.key for obj in unparsed if obj.key not in cached])
        self._cache.keep(self._bucket, {obj: json.dumps(read[obj.key]) for obj in unparsed if obj.key in read})
        for obj in unparsed:
            if obj.key in cached:
                self._parsed[obj] = json.loads(cached[obj.key])
            elif obj.key in read:
                self._parsed[obj] = read[obj.key]
        return [(obj, self._parsed[obj]) for obj in objects if obj in self._parsed]

    def _read_run(self, run_id: str) -> Run | None:
        value = self._storage.get_json(self._bucket, self._run_key(run_id))
        return None if value is None else Run.from_json(value)

    def _run_jsons(self, run_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """The contents of several `run.json`, by run id, read at once."""
        run_id_by_key = {self._run_key(run_id): run_id for run_id in run_ids}
        values = self._storage.get_jsons(self._bucket, list(run_id_by_key))
        return {run_id_by_key[key]: value for key, value in values.items()}

    def _run_key(self, run_id: str) -> str:
        return f"{self._prefix(run_id)}/run.json"

    def _prefix(self, run_id: str) -> str:
        return run_location(run_id, data_bucket=self._bucket).prefix


def _submission_key(run_prefix: str, submission: Submission) -> str:
    return f"{run_prefix}/submissions/{submission.number:02d}.json"
