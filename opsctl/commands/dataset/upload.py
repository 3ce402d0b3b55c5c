"""`upload`: sends a local BIDS folder to the data bucket; files that S3 already has are skipped."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISREG
from threading import Event

from opsctl.aws.s3.storage import Storage
from opsctl.aws.s3.workers import Workers
from opsctl.core.dataset.etag import PART_BYTES, checksum, etag
from opsctl.core.dataset.scan import S3Object
from opsctl.core.errors import ErrorCode, Problem
from opsctl.core.location import Location

#: Runs write their own derivatives to this folder of the data bucket, so local ones are not sent.
_SKIPPED_FOLDERS = ("derivatives",)
#: They compute digests, and some of them ask S3 for one.
_THREADS = 8


@dataclass(frozen=True, kw_only=True)
class Upload:
    """What to send.

    Attributes
    ----------
    files
        Local paths by key: the files that S3 does not have, or has with other content.
    size_bytes
        Of these files.
    unchanged
        How many files S3 already has.
    """

    location: Location
    files: dict[str, Path]
    size_bytes: int
    unchanged: int


def compare(folder: Path, location: Location, storage: Storage) -> Upload:
    """Compare a BIDS folder with S3, to find the files to send.

    Raises
    ------
    Problem
        When the folder does not exist, has no subject, or cannot be read.
    """
    if not folder.is_dir():
        raise Problem(
            f"{folder} is not a folder.",
            "Name the folder that holds dataset_description.json and sub-*/.",
            code=ErrorCode.FILE_UNREADABLE,
        )
    if not any(folder.glob("sub-*/")):
        raise Problem(
            f"{folder} holds no sub-*/ folder, so it is no BIDS dataset.",
            "Is it the folder above or below?",
            code=ErrorCode.INPUT_INVALID,
        )
    try:
        local_files = {f"{location.key_prefix}{path.relative_to(folder).as_posix()}": path for path in _files(folder)}
        remote_objects = {obj.key: obj for obj in storage.below(location) if obj.key in local_files}
        unchanged = _unchanged(local_files, remote_objects, location.bucket, storage)
        files = {key: path for key, path in local_files.items() if key not in unchanged}
        size_bytes = sum(path.stat().st_size for path in files.values())
    except OSError as error:
        raise _unreadable(error) from error
    return Upload(location=location, files=files, size_bytes=size_bytes, unchanged=len(local_files) - len(files))


def send(upload: Upload, storage: Storage, *, on_file: Callable[[str, int], None]) -> None:
    """Send the files that `compare` found; `on_file` is called after each with its key and size in bytes.

    Raises
    ------
    Problem
        When a file cannot be read, or S3 refuses it. The files that were sent stay; the next upload skips them.
    """
    try:
        storage.upload(upload.files, upload.location.bucket, done=on_file)
    except OSError as error:
        raise _unreadable(error) from error


def _unreadable(error: OSError) -> Problem:
    return Problem(
        f"{error.filename} cannot be read ({error.strerror}).",
        "A broken link, or permissions?",
        code=ErrorCode.FILE_UNREADABLE,
    )


def _unchanged(
    local_files: Mapping[str, Path], remote_objects: Mapping[str, S3Object], bucket: str, storage: Storage
) -> set[str]:
    """The keys of the files that S3 has with the same bytes."""
    unchanged: set[str] = set()
    stop = Event()

    def look(item: tuple[str, S3Object]) -> None:
        key, obj = item
        if _is_same(local_files[key], obj, bucket, storage, stop=stop):
            unchanged.add(key)

    workers = Workers(look, remote_objects.items(), most_threads=_THREADS)
    try:
        workers.wait()
    finally:
        stop.set()
        workers.stop()
    return unchanged


def _files(folder: Path) -> Iterator[Path]:
    """Every file of the dataset, without derivatives and without hidden files other than `.bidsignore`.

    Raises
    ------
    Problem
        A link leads to a folder that holds it, or a name is that of a pipe or a device.
    OSError
        A link leads nowhere.
    """
    # Many labs lay a dataset out with symbolic links to folders.
    for base, folders, names in os.walk(folder, followlinks=True):
        is_root = Path(base) == folder
        folders[:] = sorted(
            name for name in folders if not name.startswith(".") and not (is_root and name in _SKIPPED_FOLDERS)
        )
        for name in folders:
            path = Path(base, name)
            if path.is_symlink() and any(parent.resolve().is_relative_to(path.resolve()) for parent in path.parents):
                raise Problem(
                    f"{path} is a link to a folder that holds it, so the dataset has no end.",
                    "Remove the link.",
                    code=ErrorCode.FILE_UNREADABLE,
                )
        for name in sorted(names):
            if not name.startswith(".") or (is_root and name == ".bidsignore"):
                path = Path(base, name)
                # A pipe would be waited for, and a device has no end.
                if not S_ISREG(path.stat().st_mode):
                    raise Problem(
                        f"{path} is no file, but a pipe, a device or a socket.",
                        "Remove it from the dataset.",
                        code=ErrorCode.FILE_UNREADABLE,
                    )
                yield path


def _is_same(path: Path, obj: S3Object, bucket: str, storage: Storage, *, stop: Event) -> bool:
    if obj.size_bytes != path.stat().st_size:
        return False
    if etag(_parts(path, stop)) == obj.etag:
        return True
    # In a bucket with a KMS key the etag says nothing about the bytes.
    kept = storage.checksum(bucket, obj.key)
    return kept is not None and checksum(_parts(path, stop)) == kept


def _parts(path: Path, stop: Event) -> Iterator[bytes]:
    """A file's parts; after Ctrl-C those that are left are of no use."""
    with path.open("rb") as file:
        # Python makes room for as much as is asked for, also where a file has less.
        part_bytes = min(PART_BYTES, os.fstat(file.fileno()).st_size)
        while not stop.is_set() and (part := file.read(part_bytes)):
            yield part
