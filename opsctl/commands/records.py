"""The runs' records in the data bucket: the history of everything, whichever machine submitted it."""

from __future__ import annotations

from collections.abc import Iterable

from opsctl.aws.s3 import Storage
from opsctl.core.errors import Problem
from opsctl.core.location import RUNS_PREFIX, Location, run_location
from opsctl.core.manifest import Run, Submission, document_key, run_moment
from opsctl.core.result import Result


class Records:
    """Reads and writes what lies below `opsctl/runs/`."""

    def __init__(self, storage: Storage, *, data_bucket: str) -> None:
        self._storage = storage
        self._bucket = data_bucket

    def run_ids(self) -> list[str]:
        """Every run, oldest first."""
        names = self._storage.folders(Location(self._bucket, RUNS_PREFIX.rstrip("/")))
        return sorted(names, key=run_moment)

    def run(self, run_id: str | None) -> Run:
        """A run's record; None: the latest run.

        Raises
        ------
        Problem
            When there is no such run, or none at all.
        """
        if run_id is None:
            known = self.run_ids()
            if not known:
                raise Problem("There is no run yet.", "`opsctl run DATASET` starts one.")
            run_id = known[-1]
        value = self._storage.get_json(self._bucket, f"{self._prefix(run_id)}/run.json")
        if value is None:
            known = self.run_ids()
            mend = f"The latest is {known[-1]}." if known else "There is no run yet: `opsctl run DATASET` starts one."
            raise Problem(f"There is no run {run_id}.", mend)
        return Run.from_json(value)

    def runs_of(self, dataset_name: str) -> list[Run]:
        """The runs whose id begins with a dataset's name, oldest first."""
        keys = [
            f"{self._prefix(run_id)}/run.json" for run_id in self.run_ids() if run_id.startswith(f"{dataset_name}-")
        ]
        return [Run.from_json(value) for value in self._storage.get_jsons(self._bucket, keys)]

    def submissions(self, run_id: str) -> list[Submission]:
        """A run's jobs, in order."""
        keys = self._keys(run_id, "submissions")
        return [Submission(**value) for value in self._storage.get_jsons(self._bucket, keys)]

    def results(self, run_id: str, *, known: Iterable[int] = ()) -> dict[int, Result]:
        """The results that are there, by the scan's index, but those already `known`."""
        have = {document_key(self._prefix(run_id), "results", index) for index in known}
        keys = [key for key in self._keys(run_id, "results") if key not in have]
        found = (Result.from_json(value) for value in self._storage.get_jsons(self._bucket, keys))
        return {result.index: result for result in found}

    def _prefix(self, run_id: str) -> str:
        return run_location(run_id, data_bucket=self._bucket).prefix

    def _keys(self, run_id: str, folder: str) -> list[str]:
        there = self._storage.below(Location(self._bucket, f"{self._prefix(run_id)}/{folder}"))
        return sorted(one.key for one in there)
