"""Files on their way home: each gathers beside its place, and gets its name when every byte is right."""

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
from opsctl.core.errors import Interrupted, Problem
from opsctl.core.location import parse_uri
from opsctl.core.runs.result import OutputFile

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# What a reset connection costs at most; larger pieces are no quicker.
_CHUNK_BYTES = 256 * 1024
_TRIES = 5
_WAIT_SECONDS = 0.1
_GONE = {"NoSuchKey", "NoSuchVersion", "404", "NotFound"}
#: The object is not the one that a first part is here of, or is shorter than that.
_CHANGED = {"PreconditionFailed", "412", "InvalidRange", "416"}
_CUT_OFF = (IncompleteReadError, HTTPClientError, FlexibleChecksumError)
#: A file system that has no locks, as some of clusters are mounted.
_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP}


class NotPublished(Problem):
    """An object is gone, or not the one that the job published: another try does not help, another job does."""


class PartialFile:
    """`NAME.part` beside a file: its bytes gather here, and one process at a time has it.

    Parameters
    ----------
    target
        The file that it becomes.
    stop
        Ends the wait for another process.
    """

    def __init__(self, target: Path, *, stop: Event) -> None:
        self.target = target
        self.path = target.with_name(f"{target.name}.part")
        self.file: BinaryIO
        self._stop = stop
        self._is_settled = False

    def __enter__(self) -> PartialFile:
        self.target.parent.mkdir(parents=True, exist_ok=True)
        while True:
            self.file = os.fdopen(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666), "r+b", buffering=0)
            try:
                if self._is_ours():
                    return self
            except OSError as error:
                self.file.close()
                if error.errno not in _NO_LOCKS:
                    raise
                # One of its own then: nothing is gone on from, and nobody else writes into it.
                self.path = self.path.with_name(f"{self.target.name}.{uuid.uuid4().hex[:8]}.part")
                self.file = self.path.open("x+b", buffering=0)
                return self
            self.file.close()
            if self._stop.wait(_WAIT_SECONDS):
                raise Interrupted("Stopped.")

    def _is_ours(self) -> bool:
        try:
            fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Whoever had it until now may have given it its name: then this would write into the finished file.
            return os.path.samestat(self.path.stat(), os.fstat(self.file.fileno()))
        except (BlockingIOError, FileNotFoundError):
            return False

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # What did arrive is kept for the next time; but a full disk is not left full of it.
        is_full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
        if not self._is_settled and (is_full or not self.size_bytes):
            self.path.unlink(missing_ok=True)
        self.file.close()

    @property
    def size_bytes(self) -> int:
        """How much of it is here."""
        return os.fstat(self.file.fileno()).st_size

    def start_anew(self) -> None:
        """Forget what is here."""
        self.file.truncate(0)

    def finish(self) -> None:
        """Give it the file's name; what had that name is replaced."""
        self.path.replace(self.target)
        self._is_settled = True

    def discard(self) -> None:
        """Take it away: it is not needed."""
        self.path.unlink(missing_ok=True)
        self._is_settled = True


def is_right(path: Path, file: OutputFile) -> bool:
    """Whether a published file is here, whole."""
    return path.is_file() and path.stat().st_size == file.size_bytes and file_sha256(path) == file.sha256


def file_sha256(path: Path) -> str:
    """A file's SHA-256, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def download(client: S3Client, file: OutputFile, target: Path, *, stop: Event) -> None:
    """Fetch a published file; what an earlier, interrupted download left of it is gone on from.

    Parameters
    ----------
    stop
        Ends it at the next piece of bytes.

    Raises
    ------
    NotPublished
        When the object is gone, or another one.
    Problem
        When S3 cannot be read.
    Interrupted
        When it was stopped.
    OSError
        When the disk refuses it.
    """
    with PartialFile(target, stop=stop) as part:
        if is_right(target, file):
            part.discard()
            return
        _Fetch(client, file, part, stop=stop).run()
        part.finish()


class _Fetch:
    """One object into one part."""

    def __init__(self, client: S3Client, file: OutputFile, part: PartialFile, *, stop: Event) -> None:
        self._client = client
        self._file = file
        self._part = part
        self._stop = stop
        self._etag = file.etag

    def run(self) -> None:
        """Fill the part, and check it."""
        if self._part.size_bytes > self._file.size_bytes:
            self._part.start_anew()
        for is_last in (False, True):
            self._fill()
            if self._part.size_bytes == self._file.size_bytes and file_sha256(self._part.path) == self._file.sha256:
                return
            # Its beginning may be of an earlier object: once more, the whole of it.
            self._part.start_anew()
            if is_last:
                raise NotPublished(
                    f"{self._file.uri} is not the file that the job published (its size or SHA-256 differs).",
                    "Something else has written there since: run the scan again.",
                )

    def _fill(self) -> None:
        """Read until everything is here; botocore tries a request again, but not a body that breaks off."""
        furthest, left = self._part.size_bytes, _TRIES
        while self._part.size_bytes < self._file.size_bytes:
            try:
                with translated(f"fetching {self._file.uri}"):
                    self._read_on()
                    # The whole body came: a shorter object than was published, if the part is not whole now.
                    return
            except Problem as problem:
                if not isinstance(problem.__cause__, _CUT_OFF):
                    raise
                got, furthest = self._part.size_bytes - furthest, max(furthest, self._part.size_bytes)
                left = _TRIES if got > 0 else left - 1
                if not left:
                    raise
                self._pause(_TRIES - left)

    def _pause(self, tries: int) -> None:
        if tries and self._stop.wait(_WAIT_SECONDS * 2**tries):
            raise Interrupted("Stopped.")

    def _read_on(self) -> None:
        location = parse_uri(self._file.uri)
        start = self._part.size_bytes
        wanted = {"Range": f"bytes={start}-"} if start else {}
        if self._etag:
            wanted["IfMatch"] = f'"{self._etag}"'
        try:
            reply = self._client.get_object(Bucket=location.bucket, Key=location.prefix, **wanted)  # type: ignore[arg-type]
        except ClientError as error:
            code = code_of(error)
            if code in _GONE:
                raise NotPublished(f"{self._file.uri} is gone from S3.", "Run the scan again.") from error
            if code not in _CHANGED or not wanted:
                raise
            # Another object now, perhaps of the same bytes (a bucket that was copied): the SHA-256 will tell.
            self._part.start_anew()
            self._etag = ""
            self._read_on()
            return
        self._etag = reply.get("ETag", "").strip('"')
        span = re.match(r"bytes (\d+)-", reply.get("ContentRange", ""))
        place = int(span[1]) if span else 0
        # Who ignores Range sends the whole object.
        self._part.file.truncate(place)
        self._part.file.seek(place)
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
