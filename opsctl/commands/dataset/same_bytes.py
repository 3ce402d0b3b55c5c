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


def is_same(path: str, size_bytes: int, obj: S3Object, bucket: str, client: S3Client, *, stop: Event) -> bool:
    """Compare by the object's etag, then by the checksum that S3 keeps beside it.

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
    Problem
        S3 cannot be asked.
    """
    if obj.size_bytes != size_bytes:
        return False
    # Python makes room for as much as a buffer asks for, also where a file has less.
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123  # 2,000 times
        return _Comparison(file, size_bytes, obj, bucket, client, stop).is_same()


class _Comparison:
    def __init__(
        self, file: BinaryIO, size_bytes: int, obj: S3Object, bucket: str, client: S3Client, stop: Event
    ) -> None:
        self._file = file
        self._size_bytes = size_bytes
        self._object = obj
        self._bucket = bucket
        self._client = client
        self._stop = stop

    def is_same(self) -> bool:
        return self._has_its_etag() or (not self._stop.is_set() and self._has_its_checksum())

    def _has_its_etag(self) -> bool:
        count = parts_of(self._object.etag)
        if not count:
            return self._has_etag(self._size_bytes)
        if count == self._parts_in(PART_BYTES) and self._has_etag(PART_BYTES):
            return True
        part_bytes = self._part_bytes
        return part_bytes not in (0, PART_BYTES) and self._has_etag(part_bytes)

    @cached_property
    def _part_bytes(self) -> int:
        """The size of the object's parts, which differs between tools; 0 where no known size gives as many parts."""
        count = parts_of(self._object.etag)
        # Not every service that speaks as S3 does tells it.
        sizes = (part_size(self._client, self._bucket, self._object.key), PART_BYTES)
        return next((size for size in sizes if size and self._parts_in(size) == count), 0)

    def _parts_in(self, part_bytes: int) -> int:
        return -(-self._size_bytes // part_bytes)

    def _has_etag(self, part_bytes: int) -> bool:
        is_multipart = parts_of(self._object.etag) > 0
        return etag(self._digests("MD5", part_bytes), is_multipart=is_multipart) == self._object.etag

    def _has_its_checksum(self) -> bool:
        """With a KMS key the etag says nothing about the bytes."""
        stored = stored_checksum(self._client, self._bucket, self._object.key)
        part_bytes = self._part_bytes if stored is not None and stored.is_of_parts else self._size_bytes
        if stored is None or (self._size_bytes and not part_bytes):
            return False
        return checksum(self._digests(stored.algorithm, part_bytes), stored) == stored.value

    def _digests(self, algorithm: str, part_bytes: int) -> list[bytes]:
        self._file.seek(0)
        digests = [digest(self._pieces(algorithm, part_bytes), algorithm)]
        while self._file.tell() < self._size_bytes and not self._stop.is_set():
            before = self._file.tell()
            digests.append(digest(self._pieces(algorithm, part_bytes), algorithm))
            if self._file.tell() == before:  # the file has become shorter
                break
        return digests

    def _pieces(self, algorithm: str, part_bytes: int) -> Iterator[bytes]:
        """One part's bytes from where the file is; after Ctrl-C those that are left are of no use."""
        at_most = _LONG_PIECE_BYTES if algorithm in ("CRC32C", "CRC64NVME") else _PIECE_BYTES
        left = part_bytes
        while left > 0 and not self._stop.is_set():
            piece = self._file.read(min(at_most, left))
            if not piece:
                return
            left -= len(piece)
            yield piece
