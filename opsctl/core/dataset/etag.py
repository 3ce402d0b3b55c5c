"""What S3 and its tools record of a file's bytes, so that a second upload sends only what changed.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html: with SSE-S3 the etag of a plain
upload is its MD5, that of a multipart upload the MD5 of its parts' MD5s and their count. With SSE-KMS an etag is no
digest of the bytes, and differs with every upload; the checksum that was sent with the bytes is kept beside the object.
"""

from __future__ import annotations

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


def parts_of(etag: str) -> int:
    """In how many parts an object was uploaded, by its etag; 0 for a plain upload."""
    text = etag.partition("-")[2]
    # S3 takes 10,000 parts.
    return int(text) if len(text) < 6 and text.isascii() and text.isdecimal() else 0
