"""Compute what S3 records of a file's bytes, so that a second upload sends only what changed.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html: with SSE-S3 the etag of a plain
upload is its MD5, that of a multipart upload the MD5 of its parts' MD5s and their count. With SSE-KMS an etag is no
digest of the bytes, and differs with every upload; the SHA-256 that was sent with the bytes is kept beside the object.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable

#: Size of a part, and the largest size of a file that is uploaded in one piece.
PART_BYTES = 64 * 1024 * 1024


def etag(parts: Iterable[bytes]) -> str:
    """The etag that S3 gives a file that it does not encrypt with a KMS key.

    Parameters
    ----------
    parts
        The file's bytes in pieces of `PART_BYTES`; the last one may be shorter.
    """
    digests = [hashlib.md5(part, usedforsecurity=False).digest() for part in parts]
    if len(digests) <= 1:
        return digests[0].hex() if digests else hashlib.md5(b"", usedforsecurity=False).hexdigest()
    return f"{hashlib.md5(b''.join(digests), usedforsecurity=False).hexdigest()}-{len(digests)}"


def checksum(parts: Iterable[bytes]) -> str:
    """The SHA-256 that S3 keeps of a file, whatever it is encrypted with; `parts` as for `etag`.

    In base64; of an upload in parts the SHA-256 of the parts' SHA-256s.
    """
    digests = [hashlib.sha256(part).digest() for part in parts]
    if len(digests) <= 1:
        return base64.b64encode(digests[0] if digests else hashlib.sha256(b"").digest()).decode()
    return base64.b64encode(hashlib.sha256(b"".join(digests)).digest()).decode()
