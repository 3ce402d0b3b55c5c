"""`datasets`: lists the datasets in the data bucket, with what each of them holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import datetime
from threading import Lock
from typing import Any

from opsctl.aws.s3.storage import Storage
from opsctl.commands.runs.completion_cache import CompletionCache
from opsctl.core.dataset.discovery import Discoverer, SubjectGroup
from opsctl.core.dataset.entities import EntityPatterns
from opsctl.core.dataset.scan import S3Object
from opsctl.core.dataset_argument import named_location
from opsctl.core.errors import Problem
from opsctl.core.location import Location

SCHEMA_VERSION = 1

#: Each dataset is listed by several further threads.
_THREADS = 4
#: The folder of opsctl's own records.
_OPSCTL_FOLDER = "opsctl"
_DERIVATIVES = "derivatives"


@dataclass(frozen=True, kw_only=True)
class DatasetContents:
    """What a dataset holds at its root and below `sub-*`.

    Attributes
    ----------
    dwi_scans, func_scans
        As `scans --pipeline dwi` and `--pipeline func` count them.
    excluded
        How many images are in no scan.
    without_scans
        The folders of the subjects that have no scan.
    changed
        When one of its files was changed last; None for no file.
    other_folders
        The folders beside the subjects', which no run reads; `derivatives` is not among them.
    """

    dwi_scans: int
    func_scans: int
    excluded: int
    without_scans: tuple[str, ...]
    size_bytes: int
    changed: datetime | None
    other_folders: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """`contents` of an element of `datasets --json`."""
        changed = self.changed.isoformat() if self.changed else None
        lists = {"without_scans": list(self.without_scans), "other_folders": list(self.other_folders)}
        return {**asdict(self), **lists, "changed": changed}


@dataclass(frozen=True, kw_only=True)
class DatasetLine:
    """One dataset.

    Attributes
    ----------
    subjects
        How many `sub-*` folders it has; None where it is in another bucket, which is not listed.
    derivatives
        The names of the folders below `derivatives/` in the data bucket.
    contents
        None where it is in another bucket, or cannot be counted.
    fault
        Why it cannot be counted; empty where it can.
    """

    name: str
    uri: str
    subjects: int | None
    derivatives: tuple[str, ...]
    contents: DatasetContents | None = None
    fault: str = ""

    def as_json(self) -> dict[str, Any]:
        """One element of `datasets` in `datasets --json`."""
        contents = self.contents.as_json() if self.contents else None
        return {**asdict(self), "derivatives": list(self.derivatives), "contents": contents}


def datasets(
    storage: Storage,
    *,
    data_bucket: str,
    completion_cache: CompletionCache,
    patterns: EntityPatterns,
    named: Mapping[str, str] | None = None,
) -> list[DatasetLine]:
    """Every folder of the data bucket except opsctl's own, then the datasets that the configuration names.

    Parameters
    ----------
    named
        URIs by the names that the configuration gives them.
    """
    names = [name for name in storage.folders(Location(data_bucket, "")) if name != _OPSCTL_FOLDER]

    def read_line(name: str) -> DatasetLine:
        return _DatasetReader(storage, Location(data_bucket, name), patterns).line()

    with ThreadPoolExecutor(_THREADS) as pool:
        in_bucket = list(pool.map(read_line, names))
    # Outputs are in the data bucket, under the dataset's name, whichever bucket the dataset is in.
    derivatives_of = {line.name: line.derivatives for line in in_bucket}
    uris_in_bucket = {line.uri for line in in_bucket}
    elsewhere = [
        DatasetLine(name=name, uri=at.uri, subjects=None, derivatives=derivatives_of.get(at.name, ()))
        for name, uri in (named or {}).items()
        if (at := named_location(uri)).uri not in uris_in_bucket
    ]
    completion_cache.datasets([*names, *(line.name for line in elsewhere)])
    return [*in_bucket, *elsewhere]


def as_json(lines: list[DatasetLine], *, data_bucket: str) -> dict[str, Any]:
    """What `datasets --json` prints."""
    return {
        "schema_version": SCHEMA_VERSION,
        "data_bucket": data_bucket,
        "datasets": [line.as_json() for line in lines],
    }


class _DatasetReader:
    """Counts what one dataset of the data bucket holds, in one listing."""

    def __init__(self, storage: Storage, location: Location, patterns: EntityPatterns) -> None:
        self._storage = storage
        self._location = location
        self._discoverer = Discoverer(
            patterns, bucket=location.bucket, prefix=location.key_prefix, pipeline="both", t1w=None
        )
        self._lock = Lock()
        self._size_bytes = 0
        self._changed: datetime | None = None
        self._folders: list[str] = []

    def line(self) -> DatasetLine:
        """The dataset's line; a dataset that cannot be counted does not hide the others."""
        contents, fault = None, ""
        try:
            contents = self._contents()
        except Problem as problem:
            if not self._folders:
                raise
            fault = problem.what
        derivatives: list[str] = []
        if _DERIVATIVES in self._folders:
            derivatives = self._storage.folders(
                Location(self._location.bucket, f"{self._location.key_prefix}{_DERIVATIVES}")
            )
        return DatasetLine(
            name=self._location.name,
            uri=self._location.uri,
            subjects=len(self._subjects),
            derivatives=tuple(derivatives),
            contents=contents,
            fault=fault,
        )

    @property
    def _subjects(self) -> list[str]:
        return [folder for folder in self._folders if folder.startswith("sub-")]

    def _contents(self) -> DatasetContents:
        groups = self._storage.whole_dataset(
            self._location, of_root=self._add_root, of_shard=self._group, on_change=self._add_change
        )
        discovery = self._discoverer.discovery(groups)
        scans = Counter(scan.pipeline for scan in discovery.scans)
        with_scans = {f"sub-{scan.subject}" for scan in discovery.scans}
        others = (folder for folder in self._folders if folder not in (*self._subjects, _DERIVATIVES))
        return DatasetContents(
            dwi_scans=scans["dwi"],
            func_scans=scans["func"],
            excluded=len(discovery.excluded),
            without_scans=tuple(subject for subject in self._subjects if subject not in with_scans),
            size_bytes=self._size_bytes,
            changed=self._changed,
            other_folders=tuple(others),
        )

    def _add_root(self, objects: list[S3Object], folders: list[str]) -> None:
        self._folders = folders
        self._discoverer.add_root(self._counted(iter(objects)))

    def _group(self, objects: Iterator[S3Object]) -> SubjectGroup:
        return self._discoverer.group(self._counted(objects))

    def _counted(self, objects: Iterator[S3Object]) -> Iterator[S3Object]:
        size_bytes = 0
        for obj in objects:
            size_bytes += obj.size_bytes
            yield obj
        with self._lock:
            self._size_bytes += size_bytes

    def _add_change(self, changed: datetime) -> None:
        with self._lock:
            self._changed = changed if self._changed is None else max(self._changed, changed)
