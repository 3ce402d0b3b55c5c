"""Reads a whole S3 object: botocore retries a request, but not a body that breaks off while it is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import FlexibleChecksumError, IncompleteReadError, ReadTimeoutError, ResponseStreamingError

from opsctl.core.record import UnreadableRecord
from opsctl.core.size_limits import exceeded

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

#: How often a body is read that breaks off.
ATTEMPTS = 5
_PIECE_BYTES = 256 * 1024
#: What botocore raises where a body breaks off while it is read.
CUT_OFF = (IncompleteReadError, ReadTimeoutError, ResponseStreamingError, FlexibleChecksumError)


def read(client: S3Client, *, at_most: int, **request: Any) -> tuple[bytes, Any]:
    """GetObject and its body; both are repeated a few times if the body breaks off.

    Parameters
    ----------
    at_most
        The largest body that is taken, in bytes. Not more than one piece beyond it is read, whatever length the reply
        announces.

    Returns
    -------
    tuple
        The body and the reply.

    Raises
    ------
    UnreadableRecord
        The body is larger.
    """
    uri = f"s3://{request['Bucket']}/{request['Key']}"
    for attempts_left in reversed(range(ATTEMPTS)):
        reply = client.get_object(**request)
        try:
            return _content(reply, at_most, uri), reply
        except CUT_OFF:
            if not attempts_left:
                raise
    raise AssertionError("unreachable")


def _content(reply: Any, at_most: int, uri: str) -> bytes:
    body = reply["Body"]
    announced = int(reply.get("ContentLength", 0))
    content = bytearray()
    # Read until nothing comes: botocore compares length and checksum in the read that returns nothing.
    while max(announced, len(content)) <= at_most:
        piece = body.read(_PIECE_BYTES)
        if not piece:
            return bytes(content)
        content += piece
    # The connection is of no use with the rest of the body still on its way.
    body.close()
    raise UnreadableRecord(uri, f"{exceeded(max(announced, len(content)), at_most)}.")
