"""Uploads files: small ones in one request each, those of several parts by boto3."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, BinaryIO

from opsctl.aws.errors import translated
from opsctl.aws.s3.bulk.puts import Puts
from opsctl.aws.s3.workers import Workers
from opsctl.core.dataset.etag import PART_BYTES
from opsctl.core.errors import ErrorCode, Problem

if TYPE_CHECKING:
    from boto3.s3.transfer import S3Transfer
    from mypy_boto3_s3 import S3Client

    from opsctl.aws.s3.direct import Direct

#: The digest of a file of this size takes less time than a thread of its own would.
_SMALL_BYTES = 128 * 1024
#: A file of this size is read once; a larger one twice, because S3 wants its checksum first and not all fit in memory.
_MIDDLE_BYTES = 1024 * 1024
_PIECE_BYTES = 256 * 1024
#: A small file mostly waits for its reply, a large one for the wire.
#: macOS lets a process open 256 files and connections.
_SMALL_AT_ONCE, _MIDDLE_THREADS, _LARGE_THREADS = 128, 64, 16
#: After Ctrl-C. A request that takes longer is left alone: the next upload sends its file again.
_STOP_SECONDS = 0.5

#: Refusals that may be those of one file: of its key, its size or its folder.
_OF_ONE_FILE = {ErrorCode.AWS_DENIED, ErrorCode.AWS_NOT_FOUND, ErrorCode.AWS_REFUSED}
#: So many refusals before any success mean that S3 would refuse every file.
_HOPELESS = 20


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
    on_bytes
        Called with each number of bytes that was sent, from several threads; with a negative one where a file is sent
        again.
    """

    def __init__(
        self,
        client: S3Client,
        direct: Direct | None,
        bucket: str,
        *,
        done: Callable[[str, int], None],
        on_bytes: Callable[[int], None],
    ) -> None:
        self._client = client
        self._direct = direct
        self._bucket = bucket
        self._done = done
        self._on_bytes = on_bytes
        self._stop = Event()
        self._has_sent = False
        self._failures: dict[str, Problem] = {}

    def run(self, files: Mapping[str, Path]) -> dict[str, Problem]:
        """Upload the files, given by key; returns why some were not, by key.

        Raises
        ------
        Problem
            When S3 would refuse every file; the others are not begun then.
        """
        small: dict[str, Path] = {}
        middle: list[tuple[str, Path]] = []
        large: list[tuple[str, Path]] = []
        for key, path in files.items():
            try:
                size = path.stat().st_size
            except OSError as error:
                self._failures[key] = _unreadable(path, error)
                continue
            if size <= _SMALL_BYTES and self._direct is not None:
                small[key] = path
            else:
                (middle if size <= _MIDDLE_BYTES else large).append((key, path))
        middle_threads = _LARGE_THREADS if self._direct is None else _MIDDLE_THREADS
        groups: list[Workers[tuple[str, Path]] | Puts] = [
            Workers(self._send, group, most_threads=threads)
            for group, threads in ((large, _LARGE_THREADS), (middle, middle_threads))
        ]
        if self._direct is not None:
            groups.append(self._small(small, self._direct))
        try:
            for workers in groups:
                workers.wait()
        finally:
            self._stop.set()
            for workers in groups:
                workers.stop(at_most_seconds=_STOP_SECONDS)
        return dict(self._failures)

    def _small(self, files: Mapping[str, Path], direct: Direct) -> Puts:
        def contents() -> Iterator[tuple[str, bytes]]:
            for key, path in files.items():
                try:
                    with path.open("rb") as file:
                        content = file.read(_SMALL_BYTES + 1)
                except OSError as error:
                    self._failures[key] = _unreadable(path, error)
                    continue
                if len(content) <= _SMALL_BYTES:
                    yield key, content
                else:
                    # It has become larger meanwhile.
                    self._send((key, path))

        def done(key: str, size: int) -> None:
            self._on_bytes(size)
            self._succeed(key, size)

        return Puts(
            direct,
            self._bucket,
            contents(),
            otherwise=lambda key, _: self._send((key, files[key]), is_direct=False),
            done=done,
            at_once=_SMALL_AT_ONCE,
        )

    def _send(self, item: tuple[str, Path], *, is_direct: bool = True) -> None:
        key, path = item
        try:
            size = self._sent(key, path, self._direct if is_direct else None)
        except OSError as error:
            self._failures[key] = _unreadable(path, error)
        except Problem as problem:
            if problem.code not in _OF_ONE_FILE:
                raise
            self._failures[key] = problem
            if not self._has_sent and len(self._failures) >= _HOPELESS:
                raise
        else:
            self._succeed(key, size)

    def _succeed(self, key: str, size: int) -> None:
        self._has_sent = True
        self._done(key, size)

    def _sent(self, key: str, path: Path, direct: Direct | None) -> int:
        """Send a file; returns its size."""
        counted = _Counted(self._on_bytes)
        try:
            with translated(f"sending {path}"):
                size = path.stat().st_size
                if direct is not None and size <= PART_BYTES:
                    if self._is_put(direct, key, path, size, counted):
                        return size
                    counted.take_back()

                def on_bytes(count: int) -> None:
                    self._go_on()
                    counted.add(count)

                with self._transfer() as transfer:
                    transfer.upload_file(
                        str(path), self._bucket, key, callback=on_bytes, extra_args={"ChecksumAlgorithm": "SHA256"}
                    )
        except BaseException:
            counted.take_back()
            raise
        return size

    def _transfer(self) -> S3Transfer:
        from boto3.s3.transfer import S3Transfer, TransferConfig

        # One thread per file is enough. With parts of a fixed size the checksum, and without a KMS key the etag,
        # depend on the bytes only.
        config = TransferConfig(multipart_threshold=PART_BYTES + 1, multipart_chunksize=PART_BYTES, use_threads=False)
        return S3Transfer(self._client, config)  # type: ignore[arg-type]  # the stubs name another class

    def _is_put(self, direct: Direct, key: str, path: Path, size: int, counted: _Counted) -> bool:
        with path.open("rb") as file:
            if size > _MIDDLE_BYTES:
                # A file that changes in between has another SHA-256, and S3 refuses it.
                digest = hashlib.file_digest(file, "sha256").digest()
                pieces = counted.counting(self._pieces(file, size))
                return direct.put(self._bucket, key, pieces, sha256=digest, size_bytes=size)
            content = file.read(size)
        digest = hashlib.sha256(content).digest()
        is_put = direct.put(self._bucket, key, [content], sha256=digest, size_bytes=len(content))
        if is_put:
            counted.add(len(content))
        return is_put

    def _pieces(self, file: BinaryIO, size: int) -> Iterator[bytes]:
        file.seek(0)
        while size:
            self._go_on()
            piece = file.read(min(size, _PIECE_BYTES))
            if not piece:
                # S3 would wait for the rest.
                raise EOFError("The file has become shorter.")
            size -= len(piece)
            yield piece

    def _go_on(self) -> None:
        if self._stop.is_set():
            raise _StoppedError


class _Counted:
    """The bytes of one file that were sent, which do not count if it has to be sent again."""

    def __init__(self, on_bytes: Callable[[int], None]) -> None:
        self._on_bytes = on_bytes
        self._count = 0

    def add(self, count: int) -> None:
        self._count += count
        self._on_bytes(count)

    def counting(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """The pieces; each counts once the next one is asked for."""
        for piece in pieces:
            yield piece
            self.add(len(piece))

    def take_back(self) -> None:
        if self._count:
            self.add(-self._count)


def _unreadable(path: Path, error: OSError) -> Problem:
    return Problem(f"{path} cannot be read ({error.strerror or error}).", code=ErrorCode.FILE_UNREADABLE)
