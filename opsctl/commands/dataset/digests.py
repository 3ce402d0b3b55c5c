"""Compute what S3 records of a file's bytes; see `opsctl.core.dataset.etag`."""

from __future__ import annotations

import base64
import hashlib
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from opsctl.core.dataset.etag import PART_BYTES, StoredChecksum

_PIECE_BYTES = 256 * 1024


def digest(pieces: Iterable[bytes], algorithm: str) -> bytes:
    """A digest of bytes that come in pieces: `MD5` or one of `ALGORITHMS`."""
    if algorithm in ("CRC32C", "CRC64NVME"):
        # NumPy takes 0.1 s to import.
        from opsctl.commands.dataset.crc import crc

        return crc(pieces, algorithm)
    if algorithm == "CRC32":
        value = 0
        for piece in pieces:
            value = zlib.crc32(piece, value)
        return value.to_bytes(4, "big")
    hasher = hashlib.new(algorithm.lower(), usedforsecurity=False)
    for piece in pieces:
        hasher.update(piece)
    return hasher.digest()


def etag(parts: Sequence[bytes], *, is_multipart: bool) -> str:
    """The etag that S3 gives a file that it does not encrypt with a KMS key.

    Parameters
    ----------
    parts
        The MD5 of each part; of a plain upload there is one.
    """
    return f"{digest(parts, 'MD5').hex()}-{len(parts)}" if is_multipart else parts[0].hex()


def checksum(parts: Sequence[bytes], stored: StoredChecksum) -> str:
    """What S3 would keep of a file with these bytes; `parts` are digests by the algorithm, as for `etag`."""
    value = digest(parts, stored.algorithm) if stored.is_of_parts else parts[0]
    return base64.b64encode(value).decode()


def file_etag(path: Path, size_bytes: int) -> str:
    """The etag that S3 will give a file once `upload` has sent it."""
    with path.open("rb") as file:
        parts = [digest(_part(file), "MD5") for _ in range(max(1, -(-size_bytes // PART_BYTES)))]
    return etag(parts, is_multipart=size_bytes > PART_BYTES)


def _part(file: BinaryIO) -> Iterator[bytes]:
    left = PART_BYTES
    while left > 0 and (piece := file.read(min(_PIECE_BYTES, left))):
        left -= len(piece)
        yield piece
