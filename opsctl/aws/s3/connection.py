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

    def _reply(self, at_most: int) -> Reply:
        received = bytearray()
        while (end := received.find(b"\r\n\r\n")) < 0:
            if len(received) > _MOST_HEADER_BYTES:
                raise UnusualReply("its headers have no end")
            received += self._received()
        first, *lines = received[:end].decode("latin-1").split("\r\n")
        version, _, rest = first.partition(" ")
        if version != "HTTP/1.1" or not rest[:3].isdecimal():
            raise UnusualReply("it is not of HTTP/1.1")
        status = int(rest[:3])
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        if status != 200:
            return Reply(status, headers, None)
        announced = headers.get("content-length", "")
        lengths = [line for line in lines if line[:15].lower() == "content-length:"]
        if len(lengths) != 1 or "transfer-encoding" in headers or not _is_length(announced):
            raise UnusualReply("its length is not told once")
        length = int(announced)
        if length > at_most:
            return Reply(status, headers, None)
        del received[: end + 4]
        while len(received) < length:
            received += self._received()
        if len(received) > length:
            raise UnusualReply("it is longer than it says")
        return Reply(status, headers, bytes(received))

    def _received(self) -> bytes:
        piece = self._socket.recv(_PIECE_BYTES)
        if not piece:
            raise ConnectionResetError("The connection ended within a reply.")
        return piece


def _is_length(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 19
