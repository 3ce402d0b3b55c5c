"""Uploads files: small ones in one request each, those of several parts by boto3."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, BinaryIO

from boto3.s3.transfer import TransferConfig

from opsctl.aws.errors import translated
from opsctl.aws.s3.workers import Workers
from opsctl.core.dataset.etag import PART_BYTES

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from opsctl.aws.s3.direct import Direct

#: A file of this size is read once; a larger one twice, because S3 wants its checksum first and not all fit in memory.
_SMALL_BYTES = 1024 * 1024
_PIECE_BYTES = 256 * 1024
#: A small file mostly waits for its reply, a large one for the wire.
#: macOS lets a process open 256 files and connections.
_SMALL_THREADS, _LARGE_THREADS = 128, 16
#: After Ctrl-C. A request that takes longer is left alone: the next upload sends its file again.
_STOP_SECONDS = 0.5

# One thread per file is enough. With parts of a fixed size the checksum, and without a KMS key the etag, depend on the
# bytes only.
_TRANSFER = TransferConfig(multipart_threshold=PART_BYTES + 1, multipart_chunksize=PART_BYTES, use_threads=False)


class _StoppedError(Exception):
    """The upload was interrupted."""


class FileUpload:
    """Uploads many files to a bucket at once.

    Parameters
    ----------
    direct
        None: `client` sends every file.
    done
        Called with the key and the size in bytes of each uploaded file, from several threads.
    """

    def __init__(
        self, client: S3Client, direct: Direct | None, bucket: str, *, done: Callable[[str, int], None]
    ) -> None:
        self._client = client
        self._direct = direct
        self._bucket = bucket
        self._done = done
        self._stop = Event()

    def run(self, files: Mapping[str, Path]) -> None:
        """Upload the files, given by key.

        Raises
        ------
        Problem
            When S3 refuses a file; the others are not begun then.
        OSError
            When a file cannot be read.
        """
        is_small = {key: path.stat().st_size <= _SMALL_BYTES for key, path in files.items()}
        small_threads = _LARGE_THREADS if self._direct is None else _SMALL_THREADS
        groups = [
            self._workers([item for item in files.items() if is_small[item[0]] is small], threads)
            for small, threads in ((True, small_threads), (False, _LARGE_THREADS))
        ]
        try:
            for workers in groups:
                workers.wait()
        finally:
            self._stop.set()
            for workers in groups:
                workers.stop(at_most_seconds=_STOP_SECONDS)

    def _workers(self, files: Iterable[tuple[str, Path]], threads: int) -> Workers[tuple[str, Path]]:
        return Workers(self._send, files, most_threads=threads)

    def _send(self, item: tuple[str, Path]) -> None:
        key, path = item
        with translated(f"sending {path}"):
            size = path.stat().st_size
            if self._direct is None or size > PART_BYTES or not self._is_put(self._direct, key, path, size):
                self._client.upload_file(
                    str(path),
                    self._bucket,
                    key,
                    Config=_TRANSFER,
                    ExtraArgs={"ChecksumAlgorithm": "SHA256"},
                    Callback=self._go_on,
                )
        self._done(key, size)

    def _is_put(self, direct: Direct, key: str, path: Path, size: int) -> bool:
        with path.open("rb") as file:
            if size > _SMALL_BYTES:
                # A file that changes in between has another SHA-256, and S3 refuses it.
                digest = hashlib.file_digest(file, "sha256").digest()
                return direct.put(self._bucket, key, self._pieces(file, size), sha256=digest, size_bytes=size)
            content = file.read(size)
        digest = hashlib.sha256(content).digest()
        return direct.put(self._bucket, key, [content], sha256=digest, size_bytes=len(content))

    def _pieces(self, file: BinaryIO, size: int) -> Iterator[bytes]:
        file.seek(0)
        while size:
            self._go_on(0)
            piece = file.read(min(size, _PIECE_BYTES))
            if not piece:
                # S3 would wait for the rest.
                raise EOFError("The file has become shorter.")
            size -= len(piece)
            yield piece

    def _go_on(self, _count: int) -> None:
        if self._stop.is_set():
            raise _StoppedError
