"""An object of S3 read whole: botocore tries a request again, but not a body that breaks off while it is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import FlexibleChecksumError, IncompleteReadError, ReadTimeoutError, ResponseStreamingError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_READS = 5
_CUT_OFF = (IncompleteReadError, ReadTimeoutError, ResponseStreamingError, FlexibleChecksumError)


def read(client: S3Client, **request: Any) -> tuple[bytes, Any]:
    """GetObject, and its body; both are asked for again a few times where the body breaks off.

    Returns
    -------
    tuple
        The body, and the reply that it came with.
    """
    for left in reversed(range(_READS)):
        reply = client.get_object(**request)
        try:
            return reply["Body"].read(), reply
        except _CUT_OFF:
            if not left:
                raise
    raise AssertionError("unreachable")
