"""What S3 keeps of an object's bytes beside its etag: checksums, and the size of the parts of an upload in parts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from opsctl.aws.errors import code_of, translated
from opsctl.core.dataset.etag import ALGORITHMS, StoredChecksum, parts_of

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_OF_PARTS = "COMPOSITE"
_MISSING = {"NoSuchKey", "404", "NotFound"}


def stored_checksum(client: S3Client, bucket: str, key: str) -> StoredChecksum | None:
    """The strongest checksum that S3 keeps of an object; None for an object without one, and for none."""
    # Of an object with a KMS key this also needs kms:Decrypt.
    reply = _head(client, bucket, key, ChecksumMode="ENABLED")
    for algorithm in ALGORITHMS:
        if value := reply.get(f"Checksum{algorithm}"):
            # Of an upload in parts S3 may add their count.
            digest, dash, _ = value.partition("-")
            kind = reply.get("ChecksumType") or _kind_of_parts(algorithm, str(reply.get("ETag", "")).strip('"'))
            is_of_parts = bool(dash) or kind == _OF_PARTS
            return StoredChecksum(algorithm=algorithm, value=digest, is_of_parts=is_of_parts)
    return None


def _kind_of_parts(algorithm: str, etag: str) -> str:
    """The kind of a checksum where the service does not tell it: only CRC-64/NVME is of the whole object then."""
    return _OF_PARTS if parts_of(etag) and algorithm != "CRC64NVME" else ""


def part_size(client: S3Client, bucket: str, key: str) -> int:
    """The size of the first part of an object that was uploaded in parts, in bytes; 0 where S3 does not say."""
    reply = _head(client, bucket, key, PartNumber=1)
    return int(reply.get("ContentLength", 0)) if "PartsCount" in reply else 0


def _head(client: S3Client, bucket: str, key: str, **request: Any) -> Mapping[str, Any]:
    """What S3 says of an object; empty for none."""
    with translated(f"looking at s3://{bucket}/{key}"):
        try:
            return client.head_object(Bucket=bucket, Key=key, **request)
        except ClientError as error:
            if code_of(error) in _MISSING:
                return {}
            raise
