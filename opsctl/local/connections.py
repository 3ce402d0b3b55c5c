"""The server's connections: how many at once, how long each may be silent, and who gives way when there are too many.

Every program on the machine can connect. Until a request has shown a key, its connection ends after a fixed time, and
when there are too many, the oldest of those gives way to the next: nobody without a key can keep the owner out.
"""

from __future__ import annotations

import io
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

from moto.moto_server.werkzeug_app import MotoRequestHandler
from werkzeug.serving import ThreadedWSGIServer

from opsctl.core.aws_refusal import LOCAL_SERVER
from opsctl.core.harmless import harmless
from opsctl.local.front import Application, why_refused
from opsctl.local.request_body import BODY, SHOWED_KEY, RequestBody

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

MOST_CONNECTIONS = 256
_SILENT_SECONDS = 60.0
_WITHOUT_KEY_SECONDS = 20.0
_FULL_SECONDS = 5.0


class Connection(io.RawIOBase):
    """The reading side of a connection, with its time limits."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._deadline: float | None = time.monotonic() + _WITHOUT_KEY_SECONDS

    @property
    def has_key(self) -> bool:
        """Whether its request has shown a key."""
        return self._deadline is None

    def show_key(self) -> None:
        """Let it last as long as it is not silent."""
        self._deadline = None

    def break_off(self) -> None:
        """End it; its thread notices at once."""
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            return

    def readable(self) -> bool:
        """Yes."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Receive some bytes; 0 when the client has ended the connection.

        Raises
        ------
        TimeoutError
            When it has been silent for too long, or has not shown a key in time.
        """
        if self._deadline is None:
            return self._socket.recv_into(buffer)
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("no key was shown in time")
        self._socket.settimeout(min(left, _SILENT_SECONDS))
        try:
            return self._socket.recv_into(buffer)
        finally:
            self._socket.settimeout(_SILENT_SECONDS)


class BoundedServer(ThreadedWSGIServer):
    """One thread a connection, and at most `MOST_CONNECTIONS`."""

    def __init__(self, listener: socket.socket, application: Application) -> None:
        host, port = listener.getsockname()
        super().__init__(host, port, application, Handler, fd=listener.fileno())
        self._changed = threading.Condition()
        #: By their sockets' identity, the oldest first.
        self._connections: dict[int, Connection] = {}

    def connection_of(self, request: Any) -> Connection:
        """Return the connection of a socket."""
        with self._changed:
            # One that has given way already is no longer among them.
            return self._connections.get(id(request)) or Connection(request)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Start the thread of a connection."""
        if not self._admit(request):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """End a connection."""
        with self._changed:
            self._connections.pop(id(request), None)
            self._changed.notify_all()
        super().shutdown_request(request)

    def _has_room(self) -> bool:
        return len(self._connections) < MOST_CONNECTIONS

    def _admit(self, request: Any) -> bool:
        with self._changed:
            if not self._has_room():
                number = next((key for key, other in self._connections.items() if not other.has_key), None)
                if number is not None:
                    self._connections.pop(number).break_off()
                elif not self._changed.wait_for(self._has_room, timeout=_FULL_SECONDS):
                    # The SDKs try again.
                    return False
            self._connections[id(request)] = Connection(request)
            return True


class Handler(MotoRequestHandler):
    """Answers the request of one connection."""

    # Headers and body are two writes; with Nagle's algorithm the second waits 40 ms for the first's ACK.
    disable_nagle_algorithm = True
    timeout = _SILENT_SECONDS

    def version_string(self) -> str:
        """The header `Server`, by which a failure is told from one of AWS's."""
        return LOCAL_SERVER

    def setup(self) -> None:
        """Read through the connection's time limits."""
        super().setup()
        self._limits = self.server.connection_of(self.request)  # type: ignore[attr-defined]
        self.rfile.close()
        self.rfile = io.BufferedReader(self._limits)

    def run_wsgi(self) -> None:
        """Answer a request whose head is clear."""
        refused = why_refused(self.command, self.path, self.headers, port=self.server.port)
        if refused is not None:
            self.close_connection = True
            self.send_error(refused[0], explain=refused[1])
            return
        super().run_wsgi()

    def make_environ(self) -> dict[str, Any]:
        """The request as WSGI gives it, its body bounded."""
        environ = super().make_environ()
        is_chunked = "Transfer-Encoding" in self.headers
        length = None if is_chunked else int(self.headers.get("Content-Length") or 0)
        body = RequestBody(self.rfile, length=length)  # type: ignore[arg-type]
        buffered = io.BufferedReader(body)
        return {
            **environ,
            "wsgi.input": buffered,
            "wsgi.input_terminated": True,
            BODY: body,
            SHOWED_KEY: self._limits.show_key,
        }

    def log_request(self, code: int | str = "-", _size: int | str = "-") -> None:
        """Log failures of the server only, and no query: a presigned one holds the key, others name subjects."""
        if str(code).startswith("5") and not self.path.startswith("/_opsctl/"):
            self.log("error", "%s %s %s", code, self.command, harmless(self.path.partition("?")[0]))

    def log_error(self, *_arguments: Any) -> None:
        """Log nothing about requests that are refused: anybody can send them, without end."""
