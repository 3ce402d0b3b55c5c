"""Compute what S3 and its tools record of a file's bytes, so that a second upload sends only what changed.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html: with SSE-S3 the etag of a plain
upload is its MD5, that of a multipart upload the MD5 of its parts' MD5s and their count. With SSE-KMS an etag is no
digest of the bytes, and differs with every upload; the checksum that was sent with the bytes is kept beside the object.
"""

from __future__ import annotations

import base64
import hashlib
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

#: Size of a part, and the largest size of a file that is uploaded in one piece.
PART_BYTES = 64 * 1024 * 1024
#: The checksums that S3 keeps, the strongest first.
ALGORITHMS = ("SHA256", "SHA1", "CRC64NVME", "CRC32C", "CRC32")


@dataclass(frozen=True, kw_only=True)
class StoredChecksum:
    """What S3 keeps beside an object.

    Attributes
    ----------
    algorithm
        One of `ALGORITHMS`.
    value
        In base64, without the number of parts.
    is_of_parts
        It is the checksum of the parts' checksums, not of the bytes.
    """

    algorithm: str
    value: str
    is_of_parts: bool


def digest(pieces: Iterable[bytes], algorithm: str) -> bytes:
    """A digest of bytes that come in pieces: `MD5` or one of `ALGORITHMS`."""
    if algorithm in ("CRC32C", "CRC64NVME"):
        from opsctl.core.dataset.crc import crc

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


def parts_of(etag_text: str) -> int:
    """In how many parts an object was uploaded, by its etag; 0 for a plain upload."""
    count = etag_text.partition("-")[2]
    return int(count) if count.isascii() and count.isdecimal() else 0
