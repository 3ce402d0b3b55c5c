"""Names of runs, scans and datasets, cached on this machine: for shell completion, and to send fewer requests."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from opsctl.aws.s3.cache import Cache, read_if_free
from opsctl.core.errors import Problem

if TYPE_CHECKING:
    from opsctl.core.record import RecordReader
    from opsctl.core.runs.manifest import Run

_RUNS, _DATASETS = "runs", "datasets"

T = TypeVar("T")


class CompletionCache:
    """Stores the names in a data bucket, and how its runs ended."""

    def __init__(self, cache: Cache, bucket: str) -> None:
        self._cache = cache
        self._bucket = bucket

    def runs(self, run_ids: Sequence[str]) -> None:
        """Store the ids of all runs, oldest first."""
        self._cache.put_value(self._bucket, _RUNS, list(run_ids))

    def run(self, run: Run) -> None:
        """Store a run's scans and its dataset."""
        self._cache.put_value(self._bucket, f"scans/{run.run_id}", [run.scans[index] for index in run.remaining])
        from opsctl.core.dataset_argument import typed_dataset

        dataset = typed_dataset(run.dataset, data_bucket=self._bucket)
        self._cache.put_value(self._bucket, f"dataset/{dataset}", run.run_id)
        self.dataset(dataset)

    def dataset(self, name: str) -> None:
        """Add a dataset, as users type it."""
        known = _texts(self._cache.get_value(self._bucket, _DATASETS))
        self._cache.put_value(self._bucket, _DATASETS, sorted({*known, name}))

    def datasets(self, names: Sequence[str]) -> None:
        """Replace the datasets in the bucket; those in other buckets are kept."""
        known = _texts(self._cache.get_value(self._bucket, _DATASETS))
        self._cache.put_value(self._bucket, _DATASETS, sorted({*names, *(name for name in known if ":" in name)}))

    def forget_runs(self, run_ids: Sequence[str], *, are_gone: bool) -> None:
        """Forget the scans of runs, and how they ended; with `are_gone` that there were such runs."""
        for run_id in run_ids:
            self._cache.forget_value(self._bucket, f"scans/{run_id}")
            self._cache.forget_value(self._bucket, f"ended/{run_id}")
        known = _texts(self._cache.get_value(self._bucket, _RUNS))
        if are_gone and known:
            self.runs([run_id for run_id in known if run_id not in run_ids])

    def forget_dataset(self, uri: str) -> None:
        """Forget a dataset."""
        from opsctl.core.dataset_argument import typed_dataset

        name = typed_dataset(uri, data_bucket=self._bucket)
        self._cache.forget_value(self._bucket, f"dataset/{name}")
        known = _texts(self._cache.get_value(self._bucket, _DATASETS))
        if name in known:
            self._cache.put_value(self._bucket, _DATASETS, [dataset for dataset in known if dataset != name])

    def ended(self, run_id: str, reader: RecordReader[T]) -> T | None:
        """How an ended run ended; None where that is not known.

        Parameters
        ----------
        reader
            Reads what was stored. What another version stored counts as not known.
        """
        value = self._cache.get_value(self._bucket, f"ended/{run_id}")
        try:
            return None if value is None else reader.decode(json.dumps(value), "The cache")
        except Problem:
            return None

    def end(self, run_id: str, value: dict[str, Any]) -> None:
        """Store how a run ended, once nothing can change it."""
        self._cache.put_value(self._bucket, f"ended/{run_id}", value)


class CompletionReader:
    """Reads the names for completion, which never waits: a busy cache reads as empty.

    Parameters
    ----------
    path
        The cache's file.
    """

    def __init__(self, path: Path, bucket: str) -> None:
        self._path = path
        self._bucket = bucket

    def runs(self) -> list[str]:
        """Ids of runs, oldest first."""
        return self._read(_RUNS)

    def datasets(self) -> list[str]:
        """Datasets, as users type them."""
        return self._read(_DATASETS)

    def scans(self, run_id: str | None) -> list[str]:
        """A run's scans; None: those of the latest run whose scans are known."""
        if run_id is not None:
            return self._read(f"scans/{run_id}")
        for known_id in reversed(self.runs()):
            if scans := self._read(f"scans/{known_id}"):
                return scans
        return []

    def scans_of(self, dataset: str) -> list[str]:
        """A dataset's scans, from the last of its runs that a command has read."""
        from opsctl.core.dataset_argument import typed_dataset

        name = typed_dataset(dataset, data_bucket=self._bucket)
        run_id = read_if_free(self._path, self._bucket, f"dataset/{name}")
        return self._read(f"scans/{run_id}") if run_id else []

    def _read(self, name: str) -> list[str]:
        return _texts(read_if_free(self._path, self._bucket, name))


def _texts(value: Any) -> list[str]:
    """The texts of a stored list; what is not one counts as empty."""
    return [text for text in value if isinstance(text, str)] if isinstance(value, list) else []
