"""`datasets`: lists the datasets in the data bucket, from listings of one level each."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any

from opsctl.aws.s3.storage import Storage
from opsctl.commands.runs.completion_cache import CompletionCache
from opsctl.core.location import Location, parse_uri

SCHEMA_VERSION = 1

_THREADS = 8
#: The folder of opsctl's own records.
_OPSCTL_FOLDER = "opsctl"


@dataclass(frozen=True, kw_only=True)
class DatasetLine:
    """One dataset.

    Attributes
    ----------
    subjects
        How many `sub-*` folders it has; None where it is in another bucket, which is not listed.
    derivatives
        The names of the folders below `derivatives/` in the data bucket.
    """

    name: str
    uri: str
    subjects: int | None
    derivatives: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """One element of `datasets` in `datasets --json`."""
        return {**asdict(self), "derivatives": list(self.derivatives)}


def datasets(
    storage: Storage, *, data_bucket: str, completion_cache: CompletionCache, named: Mapping[str, str] | None = None
) -> list[DatasetLine]:
    """Every folder of the data bucket except opsctl's own, then the datasets that the configuration names.

    Parameters
    ----------
    named
        URIs by the names that the configuration gives them.
    """
    names = [name for name in storage.folders(Location(data_bucket, "")) if name != _OPSCTL_FOLDER]

    def read_line(name: str) -> DatasetLine:
        location = Location(data_bucket, name)
        folders = storage.folders(location)
        has_derivatives = "derivatives" in folders
        derivatives = storage.folders(Location(data_bucket, f"{name}/derivatives")) if has_derivatives else []
        subjects = sum(folder.startswith("sub-") for folder in folders)
        return DatasetLine(name=name, uri=location.uri, subjects=subjects, derivatives=tuple(derivatives))

    with ThreadPoolExecutor(_THREADS) as pool:
        in_bucket = list(pool.map(read_line, names))
    # Outputs are in the data bucket, under the dataset's name, whichever bucket the dataset is in.
    derivatives_of = {line.name: line.derivatives for line in in_bucket}
    uris_in_bucket = {line.uri for line in in_bucket}
    elsewhere = [
        DatasetLine(name=name, uri=at.uri, subjects=None, derivatives=derivatives_of.get(at.name, ()))
        for name, uri in (named or {}).items()
        if (at := parse_uri(uri)).uri not in uris_in_bucket
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
