"""Downloads files: each is written beside its target and renamed when its SHA-256 is right."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import re
import uuid
from pathlib import Path
from threading import Event
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO

from botocore.exceptions import ClientError, FlexibleChecksumError, HTTPClientError, IncompleteReadError

from opsctl.aws.errors import code_of, translated
from opsctl.core.errors import ErrorCode, Interrupted, Problem
from opsctl.core.location import parse_uri
from opsctl.core.runs.result import OutputFile

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# The most that a reset connection loses; larger chunks are no faster.
_CHUNK_BYTES = 256 * 1024
_ATTEMPTS = 5
_WAIT_SECONDS = 0.1
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


class PartialFile:
    """`NAME.part` beside a file, which collects its bytes; one process at a time has it.

    Parameters
    ----------
    target
        The file that it becomes at the end.
    stop
        Ends the wait for another process.
    """

    def __init__(self, target: Path, *, stop: Event) -> None:
        self.target = target
        self.path = target.with_name(f"{target.name}.part")
        self.file: BinaryIO
        self._stop = stop
        self._is_finished = False

    def __enter__(self) -> PartialFile:
        self.target.parent.mkdir(parents=True, exist_ok=True)
        while True:
            self.file = os.fdopen(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666), "r+b", buffering=0)
            try:
                if self._is_locked():
                    return self
            except OSError as error:
                self.file.close()
                if error.errno not in _NO_LOCKS:
                    raise
                # Use a file of this process alone: it continues no earlier download.
                self.path = self.path.with_name(f"{self.target.name}.{uuid.uuid4().hex[:8]}.part")
                self.file = self.path.open("x+b", buffering=0)
                return self
            self.file.close()
            if self._stop.wait(_WAIT_SECONDS):
                raise Interrupted("Stopped.")

    def _is_locked(self) -> bool:
        try:
            fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # The process that had the lock may have renamed the file: writing would then change the finished file.
            return os.path.samestat(self.path.stat(), os.fstat(self.file.fileno()))
        except (BlockingIOError, FileNotFoundError):
            return False

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Keep the received bytes for the next time, except on a full disk.
        is_full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
        if not self._is_finished and (is_full or not self.size_bytes):
            self.path.unlink(missing_ok=True)
        self.file.close()

    @property
    def size_bytes(self) -> int:
        """The size of the partial file."""
        return os.fstat(self.file.fileno()).st_size

    def truncate(self) -> None:
        """Discard the bytes received so far."""
        self.file.truncate(0)

    def finish(self) -> None:
        """Rename it to the target, which is replaced."""
        self.path.replace(self.target)
        self._is_finished = True

    def discard(self) -> None:
        """Delete it."""
        self.path.unlink(missing_ok=True)
        self._is_finished = True


def is_complete(path: Path, file: OutputFile) -> bool:
    """Whether a file has the published size and SHA-256."""
    return path.is_file() and path.stat().st_size == file.size_bytes and file_sha256(path) == file.sha256


def file_sha256(path: Path) -> str:
    """A file's SHA-256, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def download(client: S3Client, file: OutputFile, target: Path, *, stop: Event) -> None:
    """Download a published file; continues an interrupted download.

    Parameters
    ----------
    stop
        Ends the download at the next chunk.

    Raises
    ------
    NotPublished
        If the object is missing or another one.
    Problem
        If S3 cannot be read.
    Interrupted
        If it was stopped.
    OSError
        If the disk refuses to write.
    """
    with PartialFile(target, stop=stop) as part:
        if is_complete(target, file):
            part.discard()
            return
        _Fetch(client, file, part, stop=stop).run()
        part.finish()


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
            if self._part.size_bytes == self._file.size_bytes and file_sha256(self._part.path) == self._file.sha256:
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
