"""Compute S3's etag from a file's bytes, so that a second upload sends only what changed.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html: with SSE-S3 the etag of a plain
upload is its MD5, that of a multipart upload the MD5 of its parts' MD5s and their count.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

#: Size of a part, and the largest size of a file that is uploaded in one piece.
PART_BYTES = 64 * 1024 * 1024


def etag(parts: Iterable[bytes]) -> str:
    """The etag that S3 gives a file.

    Parameters
    ----------
    parts
        The file's bytes in pieces of `PART_BYTES`; the last one may be shorter.
    """
    digests = [hashlib.md5(part, usedforsecurity=False).digest() for part in parts]
    if len(digests) <= 1:
        return digests[0].hex() if digests else hashlib.md5(b"", usedforsecurity=False).hexdigest()
    return f"{hashlib.md5(b''.join(digests), usedforsecurity=False).hexdigest()}-{len(digests)}"
