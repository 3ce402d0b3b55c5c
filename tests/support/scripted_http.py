"""A small HTTP server on this machine whose every reply a function of the test decides."""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self


@dataclass(frozen=True)
class Request:
    """A request; the names of `headers` are case-insensitive."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Reply:
    """A reply.

    Attributes
    ----------
    headers
        Content-Length is added where `body` is bytes; a larger one that is given makes a reply that breaks off.
    body
        Whole, or piece by piece; an iterator that raises ConnectionResetError resets the connection.
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | Iterable[bytes] = b""


class ScriptedServer:
    """Answers each request with `reply(request)`; None ends the connection without a reply.

    Attributes
    ----------
    requests
        Every request, in the order in which they came.
    """

    def __init__(self, reply: Callable[[Request], Reply | None]) -> None:
        self.reply = reply
        self.requests: list[Request] = []
        self._server = _Server(self)
        self.port = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        assert not self._server.errors, self._server.errors


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, script: ScriptedServer) -> None:
        self.script = script
        self.errors: list[BaseException | None] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        # A client that was killed is what some tests are about.
        if not isinstance(sys.exception(), ConnectionError):
            self.errors.append(sys.exception())


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Headers and body are two writes; with Nagle's algorithm the second waits 40 ms for the first's ACK.
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        request = Request(self.command, self.path, self.headers, body)
        self.server.script.requests.append(request)
        reply = self.server.script.reply(request)
        if reply is None:
            self.close_connection = True
            return
        pieces = [reply.body] if isinstance(reply.body, bytes) else reply.body
        length = {"Content-Length": str(len(reply.body))} if isinstance(reply.body, bytes) else {}
        headers = {**length, **reply.headers}
        self.send_response(reply.status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if request.method != "HEAD":
            self._send(pieces, int(headers.get("Content-Length", 0)))

    do_HEAD = do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815 http.server's own names

    def _send(self, pieces: Iterable[bytes], length: int) -> None:
        sent = 0
        try:
            for piece in pieces:
                self.wfile.write(piece)
                sent += len(piece)
        except ConnectionResetError:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.close_connection = sent < length

    def log_message(self, format: str, *args: Any) -> None:
        pass
