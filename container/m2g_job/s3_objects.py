"""What S3 says of objects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from m2g_job import record


@dataclass(frozen=True)
class ObjectHead:
    """An object's size and etag, from HeadObject.

    Attributes
    ----------
    etag
        Without quotes.
    plain_md5
        Whether the etag is the MD5 of the bytes: not after a multipart upload, nor with KMS or customer keys.
    """

    size_bytes: int
    etag: str
    plain_md5: bool


@dataclass(frozen=True)
class ListedObject:
    """An object's size and etag, from a listing; the etag without quotes."""

    size_bytes: int
    etag: str


@dataclass(frozen=True)
class Document:
    """A small object's bytes and etag; of a large one only the beginning, which is no JSON any more."""

    data: bytes
    etag: str

    @property
    def value(self) -> dict[str, Any] | None:
        """The JSON object in the bytes; None where they hold something else."""
        try:
            return record.parse(self.data)
        except record.Unreadable:
            return None


def head_of(reply: dict[str, Any]) -> ObjectHead:
    """What a reply to HeadObject or GetObject says of the object."""
    etag = reply["ETag"].strip('"')
    encrypted = reply.get("ServerSideEncryption", "AES256") != "AES256" or "SSECustomerAlgorithm" in reply
    return ObjectHead(int(reply["ContentLength"]), etag, "-" not in etag and len(etag) == 32 and not encrypted)
