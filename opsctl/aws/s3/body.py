"""Reads a whole S3 object: botocore retries a request, but not a body that breaks off while it is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import FlexibleChecksumError, IncompleteReadError, ReadTimeoutError, ResponseStreamingError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_ATTEMPTS = 5
#: What botocore raises where a body breaks off while it is read.
CUT_OFF = (IncompleteReadError, ReadTimeoutError, ResponseStreamingError, FlexibleChecksumError)


def read(client: S3Client, **request: Any) -> tuple[bytes, Any]:
    """GetObject and its body; both are repeated a few times if the body breaks off.

    Returns
    -------
    tuple
        The body and the reply.
    """
    for attempts_left in reversed(range(_ATTEMPTS)):
        reply = client.get_object(**request)
        try:
            return reply["Body"].read(), reply
        except CUT_OFF:
            if not attempts_left:
                raise
    raise AssertionError("unreachable")
