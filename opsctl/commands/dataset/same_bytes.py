"""Whether an object has the bytes of a local file, whichever tool sent it and whatever it is encrypted with."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from threading import Event
from typing import TYPE_CHECKING, BinaryIO

from opsctl.aws.s3.stored_checksum import part_size, stored_checksum
from opsctl.commands.dataset.digests import checksum, digest, etag
from opsctl.core.dataset.etag import PART_BYTES, parts_of
from opsctl.core.dataset.scan import S3Object

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_PIECE_BYTES = 256 * 1024
#: The sums that are computed by NumPy need long pieces.
_LONG_PIECE_BYTES = 16 * 1024 * 1024


def has_usual_etag(path: str, size_bytes: int, obj: S3Object, *, stop: Event) -> bool:
    """Compare by the etag that an object has without a key of KMS, if opsctl or a tool with the same parts sent it.

    Parameters
    ----------
    size_bytes
        The file's size.
    stop
        After Ctrl-C: the answer is of no use, so it comes at once.

    Raises
    ------
    OSError
        The file cannot be read.
    """
    if obj.size_bytes != size_bytes:
        return False
    # Python makes room for as much as a buffer asks for, also where a file has less.
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123  # 2,000 times
        return _Digests(file, size_bytes, obj, stop).are_usual()


def is_same_as_asked(path: str, size_bytes: int, obj: S3Object, bucket: str, client: S3Client, *, stop: Event) -> bool:
    """Ask S3 about an object without the usual etag: by the size of its parts, then by the checksum beside it.

    Parameters
    ----------
    size_bytes, stop
        As of `has_usual_etag`.

    Raises
    ------
    OSError
        The file cannot be read.
    Problem
        S3 cannot be asked.
    """
    if obj.size_bytes != size_bytes:
        return False
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123  # 2,000 times
        return _Comparison(_Digests(file, size_bytes, obj, stop), obj, bucket, client).is_same()


class _Digests:
    """The digests of a file's parts."""

    def __init__(self, file: BinaryIO, size_bytes: int, obj: S3Object, stop: Event) -> None:
        self._file = file
        self.size_bytes = size_bytes
        self._object = obj
        self.stop = stop

    def are_usual(self) -> bool:
        count = parts_of(self._object.etag)
        if not count:
            return self.make_etag(self.size_bytes)
        return count == self.parts_in(PART_BYTES) and self.make_etag(PART_BYTES)

    def parts_in(self, part_bytes: int) -> int:
        return -(-self.size_bytes // part_bytes)

    def make_etag(self, part_bytes: int) -> bool:
        """Whether they make the object's etag."""
        is_multipart = parts_of(self._object.etag) > 0
        return etag(self.of("MD5", part_bytes), is_multipart=is_multipart) == self._object.etag

    def of(self, algorithm: str, part_bytes: int) -> list[bytes]:
        self._file.seek(0)
        digests = [digest(self._pieces(algorithm, part_bytes), algorithm)]
        while self._file.tell() < self.size_bytes and not self.stop.is_set():
            before = self._file.tell()
            digests.append(digest(self._pieces(algorithm, part_bytes), algorithm))
            if self._file.tell() == before:  # the file has become shorter
                break
        return digests

    def _pieces(self, algorithm: str, part_bytes: int) -> Iterator[bytes]:
        """One part's bytes from where the file is; after Ctrl-C those that are left are of no use."""
        at_most = _LONG_PIECE_BYTES if algorithm in ("CRC32C", "CRC64NVME") else _PIECE_BYTES
        left = part_bytes
        while left > 0 and not self.stop.is_set():
            piece = self._file.read(min(at_most, left))
            if not piece:
                return
            left -= len(piece)
            yield piece


class _Comparison:
    def __init__(self, digests: _Digests, obj: S3Object, bucket: str, client: S3Client) -> None:
        self._digests = digests
        self._object = obj
        self._bucket = bucket
        self._client = client

    def is_same(self) -> bool:
        return self._has_etag_of_other_parts() or (not self._digests.stop.is_set() and self._has_its_checksum())

    def _has_etag_of_other_parts(self) -> bool:
        return (
            parts_of(self._object.etag) > 0
            and self._part_bytes not in (0, PART_BYTES)
            and self._digests.make_etag(self._part_bytes)
        )

    @cached_property
    def _part_bytes(self) -> int:
        """The size of the object's parts, which differs between tools; 0 where no known size gives as many parts."""
        count = parts_of(self._object.etag)
        # Not every service that speaks as S3 does tells it.
        sizes = (part_size(self._client, self._bucket, self._object.key), PART_BYTES)
        return next((size for size in sizes if size and self._digests.parts_in(size) == count), 0)

    def _has_its_checksum(self) -> bool:
        """With a KMS key the etag says nothing about the bytes."""
        stored = stored_checksum(self._client, self._bucket, self._object.key)
        size_bytes = self._digests.size_bytes
        part_bytes = self._part_bytes if stored is not None and stored.is_of_parts else size_bytes
        if stored is None or (size_bytes and not part_bytes):
            return False
        return checksum(self._digests.of(stored.algorithm, part_bytes), stored) == stored.value
