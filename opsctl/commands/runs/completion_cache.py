"""What earlier commands have learnt of a data bucket, kept on this machine: for completion, and to ask less."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opsctl.aws.s3.cache import Cache, read_if_free

if TYPE_CHECKING:
    from opsctl.core.runs.manifest import Run

_RUNS, _DATASETS = "runs", "datasets"


class CompletionCache:
    """Names of runs, scans and datasets, and what runs came to.

    Parameters
    ----------
    bucket
        The data bucket.
    """

    def __init__(self, cache: Cache, bucket: str) -> None:
        self._cache = cache
        self._bucket = bucket

    def runs(self, run_ids: Sequence[str]) -> None:
        """Every run that there is, oldest first."""
        self._cache.put_value(self._bucket, _RUNS, list(run_ids))

    def run(self, run: Run) -> None:
        """A run's scans, and its dataset."""
        self._cache.put_value(self._bucket, f"scans/{run.run_id}", list(run.scans))
        dataset = _in_bucket(run.dataset, self._bucket)
        self._cache.put_value(self._bucket, f"dataset/{dataset}", run.run_id)
        self.dataset(dataset)

    def dataset(self, name: str) -> None:
        """One more dataset, by its name in the bucket or its address."""
        known = self._cache.get_value(self._bucket, _DATASETS) or []
        self._cache.put_value(self._bucket, _DATASETS, sorted({*known, name}))

    def datasets(self, names: Sequence[str]) -> None:
        """All that lie in the bucket; those in other buckets stay."""
        known = self._cache.get_value(self._bucket, _DATASETS) or []
        self._cache.put_value(self._bucket, _DATASETS, sorted({*names, *(one for one in known if "://" in one)}))

    def ended(self, run_id: str) -> dict[str, Any] | None:
        """What an ended run came to; None where that is not known."""
        found: dict[str, Any] | None = self._cache.get_value(self._bucket, f"ended/{run_id}")
        return found

    def end(self, run_id: str, value: dict[str, Any]) -> None:
        """What a run came to, once nothing changes it any more."""
        self._cache.put_value(self._bucket, f"ended/{run_id}", value)


class CompletionReader:
    """The notes as completion reads them: at once or not at all.

    Parameters
    ----------
    path
        The cache's file.
    """

    def __init__(self, path: Path, bucket: str) -> None:
        self._path = path
        self._bucket = bucket

    def runs(self) -> list[str]:
        """Runs, oldest first."""
        return self._read(_RUNS)

    def datasets(self) -> list[str]:
        """Datasets by name."""
        return self._read(_DATASETS)

    def scans(self, run_id: str | None) -> list[str]:
        """A run's scans; None: the latest run's that anybody has looked at."""
        if run_id is not None:
            return self._read(f"scans/{run_id}")
        return next((found for one in reversed(self.runs()) if (found := self._read(f"scans/{one}"))), [])

    def scans_of(self, dataset: str) -> list[str]:
        """A dataset's scans, as the run of it has them that was looked at last."""
        run_id = read_if_free(self._path, self._bucket, f"dataset/{_in_bucket(dataset, self._bucket)}")
        return self._read(f"scans/{run_id}") if run_id else []

    def _read(self, name: str) -> list[str]:
        return read_if_free(self._path, self._bucket, name) or []


def _in_bucket(dataset: str, bucket: str) -> str:
    """A dataset as a person names it: by its name in the data bucket, or by its address elsewhere."""
    return dataset.removeprefix(f"s3://{bucket}/")
