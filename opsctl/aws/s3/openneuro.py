"""Reads what OpenNeuro's public bucket says of a dataset: whether it is there, and which snapshot of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opsctl.core.errors import ErrorCode, Problem
from opsctl.core.location import Location
from opsctl.core.openneuro.accession import SCHEME, Accession, near_accessions, neighbours_prefix
from opsctl.core.openneuro.snapshot import Snapshot, read_snapshot
from opsctl.core.record import UnreadableRecord
from opsctl.core.size_limits import SIDECAR_BYTES

if TYPE_CHECKING:
    from opsctl.aws.s3.storage import Storage

_DESCRIPTION = "dataset_description.json"
_CHANGES = "CHANGES"
_SITE = "https://openneuro.org/datasets"


def snapshot_of(accession: Accession, storage: Storage) -> Snapshot:
    """Which snapshot of a dataset the bucket holds.

    Parameters
    ----------
    storage
        S3 as OpenNeuro's bucket is read.

    Raises
    ------
    Problem
        If the bucket has no such dataset (accessions like it are named), or it is not public.
    """
    location = accession.location
    try:
        description, changes = _file(storage, location, _DESCRIPTION), _file(storage, location, _CHANGES)
    except Problem as problem:
        if problem.code is not ErrorCode.AWS_DENIED:
            raise
        raise Problem(
            f"OpenNeuro does not let the public read {accession.number}: it is not published, or it was withdrawn.",
            f"{_SITE}/{accession.number} says more.",
            code=ErrorCode.AWS_DENIED,
        ) from problem
    if description is None:
        listed = storage.prefixes(location.bucket, neighbours_prefix(accession))
        if accession.number not in listed:
            near = ", ".join(f"{SCHEME}{number}" for number in near_accessions(accession, listed))
            raise Problem(
                f"OpenNeuro's bucket has no dataset {accession.number}.",
                f"Near it there is: {near}." if near else f"{_SITE} lists what there is.",
                code=ErrorCode.DATASET_NOT_FOUND,
            )
    return read_snapshot(accession.number, description=description, changes=changes)


def _file(storage: Storage, location: Location, name: str) -> bytes | None:
    try:
        return storage.get_body(location.bucket, f"{location.key_prefix}{name}", at_most=SIDECAR_BYTES)
    except UnreadableRecord:
        # A file of this size says nothing that can be read.
        return b""
