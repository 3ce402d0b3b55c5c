"""`upload`: sends a local BIDS folder to the data bucket; files that S3 already has are skipped."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from threading import Event, Lock
from typing import Any

from opsctl.aws.s3.storage import Storage
from opsctl.aws.s3.workers import Workers
from opsctl.commands.dataset.folder import ensure_bids_folder
from opsctl.commands.dataset.local_files import FileFault, LocalFiles, local_files
from opsctl.commands.dataset.same_bytes import has_usual_etag, is_same_as_asked
from opsctl.core.dataset.annexed import get_command
from opsctl.core.dataset.scan import S3Object
from opsctl.core.dataset.upload_selection import UploadSelection
from opsctl.core.errors import ErrorCode
from opsctl.core.location import Location
from opsctl.core.runs.m2g_options import Pipeline

#: A file's path and size, and the object in its place, which is as large.
_Candidate = tuple[str, int, S3Object]

SCHEMA_VERSION = 1
#: They ask S3 for a digest each. Others compute digests: those of small files take Python from each other, so there are
#: no more of them than cores.
_ASKING_THREADS, _MOST_COMPUTING_THREADS = 16, 8


@dataclass(frozen=True, kw_only=True)
class Upload:
    """What to send.

    Attributes
    ----------
    files
        Local paths by key: the files that S3 does not have, or has with other content.
    sizes
        Of these files, in bytes, by key.
    unchanged
        How many files S3 already has.
    left_out
        How many files were left out, by group; see `opsctl.core.dataset.upload_selection`.
    faults
        The files that cannot be sent, without those in `annexed`.
    annexed
        The paths of the files that git-annex or DataLad has not fetched.
    pipeline
        `func` where the dataset has bold images and no diffusion images, else `dwi`.
    """

    folder: Path
    location: Location
    files: Mapping[str, Path]
    sizes: Mapping[str, int]
    unchanged: int
    left_out: Mapping[str, int]
    faults: Sequence[FileFault]
    annexed: Sequence[str]
    pipeline: Pipeline

    @property
    def size_bytes(self) -> int:
        """Of the files to send."""
        return sum(self.sizes.values())

    @property
    def get_command(self) -> str:
        """The command that fetches the files in `annexed`; empty for none."""
        return get_command(str(self.folder), self.annexed) if self.annexed else ""


@dataclass
class Sending:
    """How far an upload is, and what became of it; written by several threads.

    Attributes
    ----------
    sent
        The sizes of the files that are up, by key.
    size_bytes
        What was sent, also of files that are not complete yet.
    failed
        The files that S3 refused or that cannot be read any more.
    seconds
        How long it took.
    """

    sent: dict[str, int] = field(default_factory=dict)
    size_bytes: int = 0
    failed: tuple[FileFault, ...] = ()
    seconds: float = 0.0
    _lock: Lock = field(default_factory=Lock, repr=False)

    def add_bytes(self, count: int) -> None:
        """Count bytes that were sent."""
        with self._lock:
            self.size_bytes += count


def compare(folder: Path, location: Location, storage: Storage, selection: UploadSelection | None = None) -> Upload:
    """Compare a BIDS folder with S3, to find the files to send.

    Raises
    ------
    Problem
        When the folder does not exist or has no subject, or S3 cannot be read.
    """
    ensure_bids_folder(folder)
    prefix = location.key_prefix
    local = local_files(folder, selection or UploadSelection(), key_prefix=prefix)
    unchanged, unreadable = _compared(folder, local, location, storage)
    to_send = [path for path in local.sizes if path not in unchanged and path not in unreadable]
    return Upload(
        folder=folder,
        location=location,
        files={f"{prefix}{path}": folder / path for path in to_send},
        sizes={f"{prefix}{path}": local.sizes[path] for path in to_send},
        unchanged=len(unchanged),
        left_out=local.left_out,
        faults=[*local.faults, *unreadable.values()],
        annexed=local.annexed,
        pipeline=_pipeline(local),
    )


def send(upload: Upload, storage: Storage, sending: Sending) -> None:
    """Send the files that `compare` found, and note in `sending` what becomes of them.

    Raises
    ------
    Problem
        When S3 would refuse every file. Those that were sent stay; the next upload skips them.
    """
    started = time.monotonic()
    try:
        failures = storage.upload(
            upload.files, upload.location.bucket, done=sending.sent.__setitem__, on_bytes=sending.add_bytes
        )
    finally:
        sending.seconds = time.monotonic() - started
    if failures and not sending.sent:
        codes = {problem.code for problem in failures.values()}
        if len(codes) == 1 and ErrorCode.FILE_UNREADABLE not in codes:
            raise next(iter(failures.values()))
    start = len(upload.location.key_prefix)
    sending.failed = tuple(
        FileFault(path=key[start:], reason=f"was not sent: {problem.what.rstrip('.')}")
        for key, problem in sorted(failures.items())
    )


def as_json(upload: Upload, sending: Sending, *, is_dry_run: bool) -> dict[str, Any]:
    """What `upload --json` prints."""
    return {
        "schema_version": SCHEMA_VERSION,
        "dataset": upload.location.uri,
        "dry_run": is_dry_run,
        "to_send": sorted(upload.files),
        "sent": sorted(sending.sent),
        "size_bytes": upload.size_bytes if is_dry_run else sum(sending.sent.values()),
        "unchanged": upload.unchanged,
        "left_out": dict(sorted(upload.left_out.items())),
        "failed": [asdict(fault) for fault in (*upload.faults, *sending.failed)],
        "not_fetched": list(upload.annexed),
        "get_command": upload.get_command,
    }


def _compared(
    folder: Path, local: LocalFiles, location: Location, storage: Storage
) -> tuple[set[str], dict[str, FileFault]]:
    """The paths of the files that S3 has with the same bytes, and the files that cannot be read."""
    unchanged: set[str] = set()
    unreadable: dict[str, FileFault] = {}
    stop = Event()

    def candidates() -> Iterator[_Candidate]:
        # Digests are computed while further pages are listed.
        for obj in storage.below(location):
            path = obj.key[len(location.key_prefix) :]
            size = local.sizes.get(path)
            if size is not None and size == obj.size_bytes:
                yield path, size, obj

    def differing(
        items: Iterable[_Candidate], is_same: Callable[[str, int, S3Object], bool], *, threads: int
    ) -> list[_Candidate]:
        others: list[_Candidate] = []

        def look(item: _Candidate) -> None:
            path, size, obj = item
            try:
                if is_same(f"{folder}/{path}", size, obj):
                    unchanged.add(path)
                else:
                    others.append(item)
            except OSError as error:
                unreadable[path] = FileFault(path=path, reason=f"cannot be read ({error.strerror})")

        workers = Workers(look, items, most_threads=threads)
        try:
            workers.wait()
        except BaseException:
            stop.set()
            raise
        finally:
            workers.stop()
        return others

    unusual = differing(
        candidates(),
        lambda path, size, obj: has_usual_etag(path, size, obj, stop=stop),
        threads=min(_MOST_COMPUTING_THREADS, os.cpu_count() or 1),
    )
    differing(
        unusual,
        lambda path, size, obj: is_same_as_asked(path, size, obj, location.bucket, storage.client, stop=stop),
        threads=_ASKING_THREADS,
    )
    return unchanged, unreadable


def _pipeline(local: LocalFiles) -> Pipeline:
    paths = [*local.sizes, *local.annexed]
    has_dwi = any("_dwi.nii" in path for path in paths)
    return "func" if not has_dwi and any("_bold.nii" in path for path in paths) else "dwi"
