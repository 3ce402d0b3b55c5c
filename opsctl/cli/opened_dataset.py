"""A dataset as `scans`, `check`, `run` and `audit` read it: where it lies, S3 for reading it, and its snapshot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from opsctl.core.openneuro.accession import Accession, is_openneuro

if TYPE_CHECKING:
    from opsctl.aws.s3.storage import Storage
    from opsctl.cli.context import Context
    from opsctl.core.location import Location
    from opsctl.core.openneuro.snapshot import Snapshot


@dataclass(frozen=True, kw_only=True)
class OpenedDataset:
    """A dataset that can be read.

    Attributes
    ----------
    storage
        S3 as the dataset is read.
    snapshot
        Of a dataset of OpenNeuro's; None of others.
    """

    location: Location
    storage: Storage
    snapshot: Snapshot | None = None


def open_dataset(context: Context, typed: str, *, bucket: str | None, is_public: bool) -> OpenedDataset:
    """Find a dataset, and check that it can be read.

    Parameters
    ----------
    typed
        As typed.
    bucket, is_public
        `--bucket` and `--no-sign-request`.

    Raises
    ------
    Problem
        If its bucket cannot be read, or OpenNeuro's has no such dataset or another version of it.
    """
    accession, location = context.dataset_source(typed, bucket=bucket)
    with context.screen.waiting(f"asking for {location.uri}"):
        storage = context.storage_of(location, is_public=is_public or is_openneuro(location))
        if accession is None:
            return OpenedDataset(location=location, storage=storage)
        snapshot = _snapshot(accession, storage)
    _say(context, accession, snapshot)
    return OpenedDataset(location=location, storage=storage, snapshot=snapshot)


def _snapshot(accession: Accession, storage: Storage) -> Snapshot:
    from opsctl.aws.s3.openneuro import snapshot_of
    from opsctl.core.openneuro.snapshot import ensure_version

    snapshot = snapshot_of(accession, storage)
    ensure_version(accession, snapshot)
    return snapshot


def _say(context: Context, accession: Accession, snapshot: Snapshot) -> None:
    from opsctl.render.openneuro import snapshot_line

    context.screen.say(snapshot_line(accession, snapshot))
    if snapshot.doubt:
        context.screen.warn(snapshot.doubt)
