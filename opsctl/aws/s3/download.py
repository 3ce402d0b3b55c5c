"""Downloads files: each is written beside its target and gets its name when its SHA-256 is right."""

from __future__ import annotations

import re
from threading import Event
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError, FlexibleChecksumError, HTTPClientError, IncompleteReadError

from opsctl.aws.errors import code_of, translated
from opsctl.aws.s3.partial_file import PartialFile, is_complete
from opsctl.core.errors import ErrorCode, Interrupted, Problem
from opsctl.core.location import parse_uri
from opsctl.core.runs.result import OutputFile
from opsctl.open_folder import MayReplace, OpenFolder
from opsctl.safe_folder import SafeFolder

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


class NotPublished(Problem):
    """An object is missing or is not the one that the job published: only another job can help."""

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(what, hint, code=ErrorCode.OUTPUT_CHANGED)


def download(
    client: S3Client,
    file: OutputFile,
    folder: SafeFolder,
    place: str,
    *,
    stop: Event,
    may_replace: MayReplace,
    content: bytes | None = None,
) -> None:
    """Download a published file; continues an interrupted download.

    Parameters
    ----------
    content
        The file's bytes, if they have been fetched already and are the right ones.
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
        if content is None:
            _Fetch(client, file, part, stop=stop).run()
        else:
            part.replace(content)
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
