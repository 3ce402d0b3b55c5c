"""`upload`: a local BIDS folder into the data bucket; a second time sends only what changed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from opsctl.aws.s3.storage import Storage
from opsctl.core.dataset.etag import PART_BYTES, etag
from opsctl.core.dataset.scan import S3Object
from opsctl.core.errors import Problem
from opsctl.core.location import Location

#: Other people's outputs and histories: a run writes its own derivatives there.
_LEFT_OUT = ("derivatives",)


@dataclass(frozen=True, kw_only=True)
class Upload:
    """What there is to send.

    Attributes
    ----------
    files
        Local paths by key, those that S3 lacks or holds with other bytes.
    unchanged
        How many files S3 has already.
    """

    location: Location
    files: dict[str, Path]
    size_bytes: int
    unchanged: int


def compare(folder: Path, location: Location, storage: Storage) -> Upload:
    """Which files of a BIDS folder S3 does not have yet.

    Raises
    ------
    Problem
        When the folder is none, holds no subject, or cannot be read.
    """
    if not folder.is_dir():
        raise Problem(f"{folder} is not a folder.", "Name the folder that holds dataset_description.json and sub-*/.")
    if not any(folder.glob("sub-*/")):
        raise Problem(f"{folder} holds no sub-*/ folder, so it is no BIDS dataset.", "Is it the folder above or below?")
    there = {one.key: one for one in storage.below(location)}
    ours = {f"{location.key_prefix}{path.relative_to(folder).as_posix()}": path for path in _files(folder)}
    try:
        with ThreadPoolExecutor() as pool:
            same = pool.map(lambda item: _same(item[1], there.get(item[0])), ours.items())
            files = {key: path for (key, path), is_same in zip(ours.items(), same, strict=True) if not is_same}
        size_bytes = sum(path.stat().st_size for path in files.values())
    except OSError as error:
        raise Problem(
            f"{error.filename} cannot be read ({error.strerror}).", "A broken link, or permissions?"
        ) from error
    return Upload(location=location, files=files, size_bytes=size_bytes, unchanged=len(ours) - len(files))


def send(upload: Upload, storage: Storage, *, on_file: Callable[[str, int], None]) -> None:
    """Send what `compare` found; `on_file` is told each key that has arrived and its size in bytes."""
    storage.upload(upload.files, upload.location.bucket, done=on_file)


def _files(folder: Path) -> Iterator[Path]:
    """Every file that belongs to the dataset: no hidden ones but `.bidsignore`, no derivatives."""
    # Linked folders are followed: that is how many labs lay a dataset out.
    for base, folders, names in os.walk(folder, followlinks=True):
        is_root = Path(base) == folder
        folders[:] = sorted(
            name for name in folders if not name.startswith(".") and not (is_root and name in _LEFT_OUT)
        )
        for name in sorted(names):
            if not name.startswith(".") or (is_root and name == ".bidsignore"):
                yield Path(base, name)


def _same(path: Path, there: S3Object | None) -> bool:
    if there is None or there.size_bytes != path.stat().st_size:
        return False
    with path.open("rb") as file:
        return etag(iter(lambda: file.read(PART_BYTES), b"")) == there.etag
