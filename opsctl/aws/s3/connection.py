"""One HTTP connection to S3 that understands the usual reply only: any other is left to botocore."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import NamedTuple

_CONNECT_SECONDS = 10.0
_READ_SECONDS = 60.0
#: S3 ends a connection that nobody uses after some seconds.
_IDLE_SECONDS = 3.0
_MOST_HEADER_BYTES = 64 * 1024
_PIECE_BYTES = 256 * 1024
#: The reply to a PUT has no body.
_SHORT_BYTES = 16 * 1024
_LONGEST_CHUNK_SIZE = 8
_HEXADECIMAL = b"0123456789abcdefABCDEF"
#: What a socket that never waits raises where it would have to.
_WOULD_WAIT = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class UnusualReply(Exception):
    """A reply that this file does not read: the service speaks HTTP in another way than S3 does."""


class Endpoint(NamedTuple):
    """Where a bucket's requests go.

    Attributes
    ----------
    tls
        None for a service without TLS.
    """

    host: str
    port: int
    tls: ssl.SSLContext | None


class Reply(NamedTuple):
    """A reply; `body` is None where it was not read: of an error, or because it is larger than was asked for."""

    status: int
    headers: Mapping[str, str]
    body: bytes | None


class Connection:
    """A connection, which is opened by the constructor.

    Raises
    ------
    OSError
        If it cannot be opened.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self._socket = socket.create_connection((endpoint.host, endpoint.port), timeout=_CONNECT_SECONDS)
        try:
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if endpoint.tls is not None:
                self._socket = endpoint.tls.wrap_socket(self._socket, server_hostname=endpoint.host)
            self._socket.settimeout(_READ_SECONDS)
        except BaseException:
            self._socket.close()
            raise
        self._used_at = time.monotonic()
        self._unsent = memoryview(b"")
        self._incoming = _IncomingReply(0)
        #: Whether another request may follow.
        self.is_open = True

    @property
    def is_fresh(self) -> bool:
        """Whether the other side has it open still, as far as is known."""
        return self.is_open and time.monotonic() - self._used_at < _IDLE_SECONDS

    def close(self) -> None:
        """Close it; a request that is under way in another thread fails."""
        self.is_open = False
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def exchange(self, head: bytes, body: Iterable[bytes], *, at_most: int) -> Reply:
        """Send a request and read its reply.

        Parameters
        ----------
        head
            Its first line and its headers.
        body
            Its pieces, the first of which travels with the head.
        at_most
            The largest body of a reply that is read, in bytes.

        Raises
        ------
        OSError
            The connection broke, or the other side is silent.
        UnusualReply
            The reply is none that S3 gives.
        """
        try:
            for piece in body:
                self._socket.sendall(head + piece if head else piece)
                head = b""
            if head:
                self._socket.sendall(head)
            reply = self._reply(at_most)
        except BaseException:
            self.close()
            raise
        if reply.body is None or reply.headers.get("connection", "").lower() == "close":
            self.close()
        self._used_at = time.monotonic()
        return reply

    def begin(self, request: bytes, *, at_most: int) -> None:
        """Begin an exchange that never waits, after `wait_never`: `go_on` continues it. Neither closes the connection.

        Parameters
        ----------
        request
            All of it.
        at_most
            See `exchange`.

        Raises
        ------
        OSError
            The connection broke.
        """
        self._unsent = memoryview(request)
        self._incoming = _IncomingReply(at_most)
        self._send()

    def go_on(self) -> Reply | None:
        """Send and receive what is possible now; the reply once it is complete.

        Raises
        ------
        OSError, UnusualReply
            See `exchange`.
        """
        if self._unsent:
            self._send()
            return None
        reply = None
        with suppress(*_WOULD_WAIT):
            # TLS may hold more than the first piece, of which no selector knows.
            while reply is None:
                reply = self._incoming.add(self._socket.recv(_SHORT_BYTES))
                self._used_at = time.monotonic()
        if reply is not None:
            self.is_open = reply.body is not None and reply.headers.get("connection", "").lower() != "close"
        return reply

    @property
    def has_unsent(self) -> bool:
        """Whether a part of the request is not sent yet."""
        return bool(self._unsent)

    @property
    def is_silent(self) -> bool:
        """Whether nothing was sent or received for a long time."""
        return time.monotonic() - self._used_at > _READ_SECONDS

    def fileno(self) -> int:
        """The socket's, for a selector."""
        return self._socket.fileno()

    def wait_never(self) -> None:
        """Prepare for `begin`."""
        self._socket.setblocking(False)

    def wait_again(self) -> None:
        """Prepare for `exchange`, after exchanges that did not wait."""
        self._socket.settimeout(_READ_SECONDS)

    def _send(self) -> None:
        with suppress(*_WOULD_WAIT):
            while self._unsent:
                self._unsent = self._unsent[self._socket.send(self._unsent) :]
                self._used_at = time.monotonic()

    def _reply(self, at_most: int) -> Reply:
        incoming = _IncomingReply(at_most)
        while (reply := incoming.add(self._socket.recv(_PIECE_BYTES))) is None:
            pass
        return reply


class _IncomingReply:
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
