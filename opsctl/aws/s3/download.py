"""Downloads files: each is written beside its target and gets its name when its SHA-256 is right."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import re
from threading import Event
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO

from botocore.exceptions import ClientError, FlexibleChecksumError, HTTPClientError, IncompleteReadError

from opsctl.aws.errors import code_of, translated
from opsctl.core.errors import ErrorCode, Interrupted, Problem
from opsctl.core.location import parse_uri
from opsctl.core.runs.result import OutputFile
from opsctl.open_folder import MayReplace, OpenFolder
from opsctl.safe_folder import SHARED_MODE, SafeFolder

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# The most that a reset connection loses; larger chunks are no faster.
_CHUNK_BYTES = 256 * 1024
_ATTEMPTS = 5
_WAIT_SECONDS = 0.1
#: A process that has a file and receives nothing for this long is stopped, or its network is: it is waited for no more.
_STALLED_SECONDS = 10.0
_GONE = {"NoSuchKey", "NoSuchVersion", "404", "NotFound"}
#: The object is not the one that the partial file is of, or is shorter.
_CHANGED = {"PreconditionFailed", "412", "InvalidRange", "416"}
_CUT_OFF = (IncompleteReadError, HTTPClientError, FlexibleChecksumError)
#: A file system without locks, as on some clusters.
_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP}


class NotPublished(Problem):
    """An object is missing or is not the one that the job published: only another job can help."""

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(what, hint, code=ErrorCode.OUTPUT_CHANGED)


def part_name(name: str) -> str:
    """The name under which a file's bytes are collected: as long for every name, and no name of the user's."""
    return f".opsctl-{hashlib.sha256(name.encode(errors='surrogateescape')).hexdigest()[:16]}.part"


class PartialFile:
    """A hidden file in the folder of a target, which collects its bytes; one process at a time has it.

    Where the process that has it does not go on, the bytes are collected in a file of this process alone.

    Parameters
    ----------
    folder, name
        The target.
    stop
        Ends the wait for another process.
    """

    def __init__(self, folder: OpenFolder, name: str, *, stop: Event) -> None:
        self.file: BinaryIO
        self._folder = folder
        self._target = name
        self._name = part_name(name)
        self._stop = stop
        self._is_shared = True
        self._is_finished = False

    def __enter__(self) -> PartialFile:
        stalled_seconds, seen_bytes = 0.0, -1
        with self._folder.naming(self._target):
            while (file := self._folder.open_own(self._name, mode=SHARED_MODE)) is not None:
                self.file = file
                try:
                    if self._is_locked():
                        return self
                except OSError as error:
                    file.close()
                    if error.errno not in _NO_LOCKS:
                        raise
                    break
                size_bytes = self.size_bytes
                file.close()
                stalled_seconds = stalled_seconds + _WAIT_SECONDS if size_bytes == seen_bytes else 0.0
                seen_bytes = size_bytes
                if stalled_seconds > _STALLED_SECONDS:
                    break
                if self._stop.wait(_WAIT_SECONDS):
                    raise Interrupted("Stopped.")
            # Use a file of this process alone, which continues no earlier download.
            self._is_shared = False
            self._name = f".opsctl-{os.urandom(8).hex()}.part"
            self.file = self._folder.create(self._name, mode=SHARED_MODE)
        return self

    def _is_locked(self) -> bool:
        try:
            fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        # The process that had the lock may have renamed the file: writing would then change the finished file.
        return self._folder.is_same(self._name, self.file)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Keep the received bytes for the next time, except on a full disk.
        is_full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
        is_kept = self._is_shared and self.size_bytes and not is_full
        if not self._is_finished and not is_kept:
            self._folder.remove(self._name)
        self.file.close()

    @property
    def size_bytes(self) -> int:
        """The size of the partial file."""
        return os.fstat(self.file.fileno()).st_size

    @property
    def sha256(self) -> str:
        """The SHA-256 of the bytes received so far, in hexadecimal."""
        return sha256_of(self.file)

    def truncate(self) -> None:
        """Discard the bytes received so far."""
        self.file.truncate(0)

    def finish(self, *, may_replace: MayReplace) -> None:
        """Give it the target's name.

        Raises
        ------
        InTheWay
            If something has that name that may not be replaced.
        """
        # Without it the name may reach the disk before the bytes do.
        os.fsync(self.file.fileno())
        self._folder.rename(self._name, self._target, may_replace=may_replace)
        self._is_finished = True

    def discard(self) -> None:
        """Delete it."""
        self._folder.remove(self._name)
        self._is_finished = True


def sha256_of(file: BinaryIO) -> str:
    """The SHA-256 of an open file, in hexadecimal."""
    digest = hashlib.sha256()
    file.seek(0)
    for block in iter(lambda: file.read(_CHUNK_BYTES), b""):
        digest.update(block)
    return digest.hexdigest()


def is_complete(existing: BinaryIO, file: OutputFile) -> bool:
    """Whether an open file has the published size and SHA-256."""
    return os.fstat(existing.fileno()).st_size == file.size_bytes and sha256_of(existing) == file.sha256


def download(
    client: S3Client, file: OutputFile, folder: SafeFolder, place: str, *, stop: Event, may_replace: MayReplace
) -> None:
    """Download a published file; continues an interrupted download.

    Parameters
    ----------
    place
        Where the file goes: its path from the folder, with `/`.
    stop
        Ends the download at the next chunk.
    may_replace
        Whether another file in its place may be replaced.

    Raises
    ------
    NotPublished
        If the object is missing or another one.
    InTheWay
        If something is in its place that may not be replaced.
    Problem
        If S3 cannot be read.
    Interrupted
        If it was stopped.
    OSError
        If the disk refuses to write.
    """
    with folder.folder_of(place, create=True) as (parent, name), PartialFile(parent, name, stop=stop) as part:
        if _has_arrived(parent, name, file):
            part.discard()
            return
        _Fetch(client, file, part, stop=stop).run()
        part.finish(may_replace=may_replace)


def _has_arrived(folder: OpenFolder, name: str, file: OutputFile) -> bool:
    existing = folder.read(name)
    if existing is None:
        return False
    with existing:
        return is_complete(existing, file)


class _Fetch:
    """Downloads one object into a partial file."""

    def __init__(self, client: S3Client, file: OutputFile, part: PartialFile, *, stop: Event) -> None:
        self._client = client
        self._file = file
        self._part = part
        self._stop = stop
        self._etag = file.etag

    def run(self) -> None:
        """Complete the partial file and check it."""
        if self._part.size_bytes > self._file.size_bytes:
            self._part.truncate()
        for is_last in (False, True):
            self._fill()
            if self._part.size_bytes == self._file.size_bytes and self._part.sha256 == self._file.sha256:
                return
            # The first bytes may be of an earlier object: download all of it once more.
            self._part.truncate()
            if is_last:
                raise NotPublished(
                    f"{self._file.uri} is not the file that the job published (its size or SHA-256 differs).",
                    "Something else has written there since: run the scan again.",
                )

    def _fill(self) -> None:
        """Read until the file is complete; botocore retries a request, but not a body that breaks off."""
        furthest, attempts_left = self._part.size_bytes, _ATTEMPTS
        while self._part.size_bytes < self._file.size_bytes:
            try:
                with translated(f"fetching {self._file.uri}"):
                    self._read_on()
                    # The body is complete; if the file is not, the object is shorter than the published one.
                    return
            except Problem as problem:
                if not isinstance(problem.__cause__, _CUT_OFF):
                    raise
                progress, furthest = self._part.size_bytes - furthest, max(furthest, self._part.size_bytes)
                attempts_left = _ATTEMPTS if progress > 0 else attempts_left - 1
                if not attempts_left:
                    raise
                self._pause(_ATTEMPTS - attempts_left)

    def _pause(self, failures: int) -> None:
        if failures and self._stop.wait(_WAIT_SECONDS * 2**failures):
            raise Interrupted("Stopped.")

    def _read_on(self) -> None:
        location = parse_uri(self._file.uri)
        start = self._part.size_bytes
        conditions = {"Range": f"bytes={start}-"} if start else {}
        if self._etag:
            conditions["IfMatch"] = f'"{self._etag}"'
        try:
            reply = self._client.get_object(Bucket=location.bucket, Key=location.prefix, **conditions)  # type: ignore[arg-type]
        except ClientError as error:
            code = code_of(error)
            if code in _GONE:
                raise NotPublished(f"{self._file.uri} is gone from S3.", "Run the scan again.") from error
            if code not in _CHANGED or not conditions:
                raise
            # The object was replaced, perhaps by the same bytes (a copied bucket): the SHA-256 will tell.
            self._part.truncate()
            self._etag = ""
            self._read_on()
            return
        self._etag = reply.get("ETag", "").strip('"')
        content_range = re.match(r"bytes (\d+)-", reply.get("ContentRange", ""))
        # A server that ignores Range sends the whole object.
        offset = int(content_range[1]) if content_range else 0
        self._part.file.truncate(offset)
        self._part.file.seek(offset)
        for chunk in reply["Body"].iter_chunks(_CHUNK_BYTES):
            if self._stop.is_set():
                raise Interrupted("Stopped.")
            self._write(chunk)
            if self._part.size_bytes > self._file.size_bytes:
                break

    def _write(self, chunk: bytes) -> None:
        view = memoryview(chunk)
        while view:
            view = view[self._part.file.write(view) :]
