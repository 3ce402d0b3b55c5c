"""The runs' records in the data bucket: the history of everything, whichever machine submitted it."""

from __future__ import annotations

import json
import re
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
    """Reads and writes what lies below `opsctl/runs/`.

    Parameters
    ----------
    cache
        Of what was read before.
    """

    def __init__(self, storage: Storage, *, data_bucket: str, cache: Cache | None = None) -> None:
        self._storage = storage
        self._bucket = data_bucket
        self._cache = cache or Cache()
        #: What completion and `opsctl runs` need not ask again.
        self.completion_cache = CompletionCache(self._cache, data_bucket)
        # What was read and parsed already: a run of 10,000 scans is polled.
        self._parsed: dict[S3Object, dict[str, Any]] = {}
        self._results: dict[S3Object, Result] = {}

    def run_ids(self) -> list[str]:
        """Every run, oldest first."""
        names = self._storage.folders(Location(self._bucket, RUNS_PREFIX.rstrip("/")))
        found = sorted(names, key=run_moment)
        self.completion_cache.runs(found)
        return found

    def run(self, run_id: str | None) -> Run:
        """A run's record; None: the latest run.

        Parameters
        ----------
        run_id
            Whole, or as much of it as tells the run (`opsctl.core.runs.names.run_named`).

        Raises
        ------
        Problem
            When there is no such run, or none at all.
        """
        found = self._run(run_id) if run_id is not None else None
        if found is None:
            known = self.run_ids()
            # A run that was killed before its record stood is none.
            candidates = reversed(known) if run_id is None else [run_named(known, run_id)]
            found = next((one for candidate in candidates if (one := self._run(candidate)) is not None), None)
        if found is None and run_id is not None:
            raise Problem(f"The run {run_id} has no record: it was killed before it sent anything.", "")
        if found is None:
            raise Problem("There is no run yet.", "`opsctl run DATASET` starts one.")
        self.completion_cache.run(found)
        return found

    def runs(self, run_ids: Sequence[str]) -> dict[str, Run]:
        """Some runs' records at once; those without one are left out, and those of another version of opsctl."""
        keys = {f"{self._prefix(run_id)}/run.json": run_id for run_id in run_ids}
        found: dict[str, Run] = {}
        for key, value in self._storage.get_jsons(self._bucket, list(keys)).items():
            with suppress(Problem):
                found[keys[key]] = Run.from_json(value)
        return found

    def runs_of(self, dataset_name: str) -> list[Run]:
        """The runs whose id says that they may be of a dataset of this name, oldest first."""
        ids = [run_id for run_id in self.run_ids() if may_be_run_of(run_id, dataset_name)]
        keys = [f"{self._prefix(run_id)}/run.json" for run_id in ids]
        return [Run.from_json(value) for value in self._storage.get_jsons(self._bucket, keys).values()]

    def put_run(
        self, run: Run, documents: Mapping[int, Mapping[str, Any]], intended: Sequence[Submission] = ()
    ) -> None:
        """Write a run's scans' JSONs, its journal and its record."""
        with self.putting_documents(run, documents, intended) as wait:
            wait()
        self.put_record(run)

    def putting_documents(
        self, run: Run, documents: Mapping[int, Mapping[str, Any]], intended: Sequence[Submission]
    ) -> AbstractContextManager[Callable[[], None]]:
        """Write a run's scans' JSONs and its journal beside what the block does, which may wait for them."""
        prefix = self._prefix(run.run_id)
        scans = {document_key(prefix, "scans", index): one for index, one in documents.items()}
        submission_log = {_submission_key(prefix, one): one.as_json() for one in intended}
        return self._storage.putting_jsons(self._bucket, {**scans, **submission_log})

    def put_record(self, run: Run) -> None:
        """Write a run's record: last, for without it there is no run."""
        self._storage.put_json(self._bucket, f"{self._prefix(run.run_id)}/run.json", run.as_json())

    def submission_log(self, run_id: str) -> list[Submission]:
        """A run's submissions as they were written down, in order; one that was never reached is missing."""
        return [Submission(**value) for _, value in self._documents(run_id, "submissions")]

    def submissions(self, run_id: str) -> list[Submission]:
        """Those that Batch is known to have."""
        return [one for one in self.submission_log(run_id) if one.state == "submitted"]

    def put_submission(self, run_id: str, submission: Submission) -> None:
        """Write one entry of the journal; of an abandoned one the mark for its jobs first."""
        prefix = self._prefix(run_id)
        if submission.state == "abandoned":
            self._storage.put_json(
                self._bucket,
                document_key(prefix, "abandoned", submission.offset),
                {"schema_version": 1, **asdict(submission)},
            )
        self._storage.put_json(self._bucket, _submission_key(prefix, submission), submission.as_json())

    def document(self, run_id: str, index: int) -> dict[str, Any] | None:
        """A scan's JSON, as its job reads it."""
        return self._storage.get_json(self._bucket, document_key(self._prefix(run_id), "scans", index))

    def documents(self, run_id: str) -> dict[int, dict[str, Any]]:
        """All scans' JSONs of a run, by index."""
        return {value["index"]: value for _, value in self._documents(run_id, "scans")}

    def results(self, run_id: str) -> dict[int, Result]:
        """The results that are there, by the scan's index."""
        found = []
        for one, value in self._documents(run_id, "results"):
            if one not in self._results:
                self._results[one] = Result.from_json(value)
            found.append(self._results[one])
        return {result.index: result for result in found}

    def attempts(self, run_id: str) -> list[Attempt]:
        """Every attempt of a run that its job wrote down, in no order."""
        return [Attempt.from_json(value) for _, value in self._documents(run_id, "attempts")]

    def attempt_numbers(self, run_id: str) -> dict[int, int]:
        """The highest attempt that each scan's jobs wrote down: a listing, nothing is read."""
        highest: dict[int, int] = {}
        for one in self._storage.below(Location(self._bucket, f"{self._prefix(run_id)}/attempts")):
            match = re.search(r"/(\d{5,})\.(\d+)\.[0-9a-f]+\.json$", one.key)
            if match:
                index, number = int(match[1]), int(match[2])
                highest[index] = max(number, highest.get(index, 0))
        return highest

    def load_final_job_states(self, run_id: str) -> dict[int, BatchJob]:
        """Batch's last word on the jobs that left no result, as far as somebody has asked while Batch knew it."""
        value = self._storage.get_json(self._bucket, f"{self._prefix(run_id)}/final_job_states.json")
        jobs = (value or {}).get("jobs", {})
        return {int(index): BatchJob.from_json(one) for index, one in jobs.items()}

    def save_final_job_states(self, run_id: str, jobs: Mapping[int, BatchJob]) -> None:
        """Write down Batch's last words."""
        value = {"schema_version": 1, "jobs": {str(index): asdict(job) for index, job in sorted(jobs.items())}}
        self._storage.put_json(self._bucket, f"{self._prefix(run_id)}/final_job_states.json", value)

    def _documents(self, run_id: str, folder: str) -> list[tuple[S3Object, dict[str, Any]]]:
        """The records of a folder in their keys' order; read from S3 only where this machine does not know them."""
        there = sorted(self._storage.below(Location(self._bucket, f"{self._prefix(run_id)}/{folder}")), key=_by_key)
        fresh = [one for one in there if one not in self._parsed]
        known = self._cache.get(self._bucket, fresh)
        read = self._storage.get_jsons(self._bucket, [one.key for one in fresh if one.key not in known])
        self._cache.keep(self._bucket, {one: json.dumps(read[one.key]) for one in fresh if one.key in read})
        for one in fresh:
            if one.key in known:
                self._parsed[one] = json.loads(known[one.key])
            elif one.key in read:
                self._parsed[one] = read[one.key]
        return [(one, self._parsed[one]) for one in there if one in self._parsed]

    def _run(self, run_id: str) -> Run | None:
        value = self._storage.get_json(self._bucket, f"{self._prefix(run_id)}/run.json")
        return None if value is None else Run.from_json(value)

    def _prefix(self, run_id: str) -> str:
        return run_location(run_id, data_bucket=self._bucket).prefix


def _submission_key(run_prefix: str, submission: Submission) -> str:
    return f"{run_prefix}/submissions/{submission.number:02d}.json"


def _by_key(one: S3Object) -> str:
    return one.key
