"""The body of a request, bounded: its end is known, and a connection that ends before it is an error.

werkzeug's own reader takes the end of the connection within a chunk for data, and goes on without end.
"""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Any

from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from opsctl.local.rights import refusals

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

#: The name in a request's WSGI environment of the function that is called when it has shown a key.
SHOWED_KEY = "opsctl.showed_key"
#: The name of its `RequestBody`.
BODY = "opsctl.body"

#: S3's largest object of one PUT, https://docs.aws.amazon.com/AmazonS3/latest/userguide/upload-objects.html, and the
#: bodies of all other services, whose own limits are lower (CloudWatch Logs takes 1 MB).
S3_BYTES, OTHER_BYTES = 5 * 1024**3, 16 * 1024**2
_CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]{1,15})(?:[ \t]*;[^\r\n]*)?\r\n")
_LONGEST_LINE = 1000
_MOST_TRAILERS = 16


class BadBody(HTTPException):
    """A body that is cut off, cannot be read, or is too long."""

    code = 400

    def __init__(self, refusal: refusals.Refusal) -> None:
        super().__init__(refusal.message)
        self._refusal = refusal

    def get_response(self, environ: Any = None, _scope: Any = None) -> Any:
        """The refusal in the service's protocol."""
        headers, body = refusals.body_of(self._refusal, environ or {"REQUEST_METHOD": "PUT"})
        return Response(body, self._refusal.status, headers)


class RequestBody(io.RawIOBase):
    """Reads a body from a connection.

    Parameters
    ----------
    stream
        The connection after the request's head.
    length
        Bytes that Content-Length announces; None: the body is chunked.

    Attributes
    ----------
    service, limit_bytes
        Whose body it is, and how long it may be.
    """

    def __init__(self, stream: io.BufferedReader, *, length: int | None) -> None:
        self.service, self.limit_bytes = "", OTHER_BYTES
        self._stream = stream
        self._left = length or 0
        self._has_more_chunks = length is None
        self._received = 0

    def expect(self, service: str) -> None:
        """Let the body be as long as the service takes it.

        Raises
        ------
        BadBody
            When the announced length is more.
        """
        self.service = service
        self.limit_bytes = S3_BYTES if service == "s3" else OTHER_BYTES
        self._ensure_short()

    def readable(self) -> bool:
        """Yes."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Read some bytes; 0 at the body's end."""
        if self._left == 0 and self._has_more_chunks:
            self._begin_chunk()
        if self._left == 0:
            return 0
        count = self._stream.readinto1(memoryview(buffer).cast("B")[: self._left])
        if count == 0:
            raise self._cut_off()
        self._left -= count
        self._received += count
        if self._left == 0 and self._has_more_chunks and self._stream.read(2) != b"\r\n":
            raise self._cut_off()
        return count

    def _begin_chunk(self) -> None:
        line = _CHUNK_LINE.fullmatch(self._stream.readline(_LONGEST_LINE))
        if line is None:
            raise self._cut_off()
        self._left = int(line[1], 16)
        self._ensure_short()
        if self._left == 0:
            self._has_more_chunks = False
            self._skip_trailers()

    def _skip_trailers(self) -> None:
        for _ in range(_MOST_TRAILERS):
            line = self._stream.readline(_LONGEST_LINE)
            if line == b"\r\n":
                return
            if not line.endswith(b"\r\n"):
                break
        raise self._cut_off()

    def _ensure_short(self) -> None:
        if self._received + self._left > self.limit_bytes:
            raise BadBody(refusals.too_large(self.service))

    def _cut_off(self) -> BadBody:
        return BadBody(refusals.incomplete_body(self.service))
