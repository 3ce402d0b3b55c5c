"""One HTTP connection to S3 that understands the usual reply only: any other is left to botocore."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterable
from contextlib import suppress
from typing import NamedTuple

from opsctl.aws.s3.bulk.incoming_reply import IncomingReply, Reply

_CONNECT_SECONDS = 10.0
_READ_SECONDS = 60.0
#: S3 ends a connection that nobody uses after some seconds.
_IDLE_SECONDS = 3.0
_PIECE_BYTES = 256 * 1024
#: Of an exchange that never waits. To allocate more for each reply takes longer than to ask again.
_SHORT_BYTES = 64 * 1024
#: What a socket that never waits raises where it would have to.
_WOULD_WAIT = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


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
        self._remaining = memoryview(b"")
        self._incoming = IncomingReply(0)
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
        self._remaining = memoryview(request)
        self._incoming = IncomingReply(at_most)
        self._send()

    def go_on(self) -> Reply | None:
        """Send and receive what is possible now; the reply once it is complete.

        Raises
        ------
        OSError, UnusualReply
            See `exchange`.
        """
        if self._remaining:
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
    def is_sending(self) -> bool:
        """Whether a part of the request is not sent yet."""
        return bool(self._remaining)

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
            while self._remaining:
                self._remaining = self._remaining[self._socket.send(self._remaining) :]
                self._used_at = time.monotonic()

    def _reply(self, at_most: int) -> Reply:
        incoming = IncomingReply(at_most)
        while (reply := incoming.add(self._socket.recv(_PIECE_BYTES))) is None:
            pass
        return reply
