"""A reply of S3 over HTTP, as it comes: only the usual form is understood."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

_MOST_HEADER_BYTES = 64 * 1024
_LONGEST_CHUNK_SIZE = 8
_HEXADECIMAL = b"0123456789abcdefABCDEF"


class UnusualReply(Exception):
    """A reply that this file does not read: the service speaks HTTP in another way than S3 does."""


@dataclass(frozen=True)
class Reply:
    """A reply; `body` is None where it was not read: of an error, or because it is larger than was asked for."""

    status: int
    headers: Mapping[str, str]
    body: bytes | None


class IncomingReply:
    """A reply that comes in pieces.

    Parameters
    ----------
    at_most
        The largest body that is read, in bytes.
    """

    def __init__(self, at_most: int) -> None:
        self._at_most = at_most
        self._received = bytearray()
        self._head: tuple[int, Mapping[str, str], int | None] | None = None
        # Of a body in chunks: what was joined so far.
        self._joined = bytearray()

    def add(self, piece: bytes) -> Reply | None:
        """Add what was received; the reply once it is complete.

        Raises
        ------
        OSError
            The connection ended before.
        UnusualReply
            The reply is none that S3 gives.
        """
        if not piece:
            raise ConnectionResetError("The connection ended within a reply.")
        self._received += piece
        if self._head is None:
            end = self._received.find(b"\r\n\r\n")
            if end < 0:
                if len(self._received) > _MOST_HEADER_BYTES:
                    raise UnusualReply("its headers have no end")
                return None
            self._head = self._read_head(self._received[:end].decode("latin-1"))
            del self._received[: end + 4]
        status, headers, length = self._head
        if status == 200 and length is None:
            return self._chunked(headers)
        if status != 200 or length is None or length > self._at_most:
            return Reply(status, headers, None)
        if len(self._received) > length:
            raise UnusualReply("it is longer than it says")
        return Reply(status, headers, bytes(self._received)) if len(self._received) == length else None

    def _chunked(self, headers: Mapping[str, str]) -> Reply | None:
        """Join the chunks that have come; the reply once the last one has."""
        received = self._received
        while (end := received.find(b"\r\n")) >= 0:
            size = _chunk_size(received[:end])
            if len(self._joined) + size > self._at_most:
                return Reply(200, headers, None)
            if len(received) < end + 2 + size + 2:
                return None
            if received[end + 2 + size : end + 4 + size] != b"\r\n":
                raise UnusualReply("a chunk has another length than it says")
            self._joined += received[end + 2 : end + 2 + size]
            del received[: end + 4 + size]
            if not size:
                if received:
                    raise UnusualReply("it is longer than it says")
                return Reply(200, headers, bytes(self._joined))
        if len(received) > _LONGEST_CHUNK_SIZE:
            raise UnusualReply("a chunk does not say its length")
        return None

    @staticmethod
    def _read_head(text: str) -> tuple[int, Mapping[str, str], int | None]:
        """Status, headers, and length, which is None for chunks. Of an error the body is not read."""
        first, *lines = text.split("\r\n")
        version, _, rest = first.partition(" ")
        if version != "HTTP/1.1" or not rest[:3].isdecimal():
            raise UnusualReply("it is not of HTTP/1.1")
        status = int(rest[:3])
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        if status != 200:
            return status, headers, 0
        if headers.get("transfer-encoding") == "chunked" and "content-length" not in headers:
            return status, headers, None
        announced = headers.get("content-length", "")
        lengths = [line for line in lines if line[:15].lower() == "content-length:"]
        if len(lengths) != 1 or "transfer-encoding" in headers or not _is_length(announced):
            raise UnusualReply("its length is not told once")
        return status, headers, int(announced)


def _chunk_size(text: bytes | bytearray) -> int:
    if not 0 < len(text) <= _LONGEST_CHUNK_SIZE or text.translate(None, _HEXADECIMAL):
        raise UnusualReply("a chunk does not say its length")
    return int(text, 16)


def _is_length(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 19
