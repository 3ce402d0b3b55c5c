"""An HTTP proxy between boto3 (or a job) and the local platform that makes requests and replies fail by a plan."""

from __future__ import annotations

import http.client
import socket
import struct
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from fault_plan import Fault, Plan, Record
from support.aws_protocol import error_reply, operation_of, server_error, service_of, throttling

_CHUNK_BYTES = 65_536
_UPSTREAM_SECONDS = 120.0
_AT_ONCE = struct.pack("ii", 1, 0)
# Headers of the connection, not of the request. The proxy answers `Expect` itself.
_HOP = {"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "expect"}


@dataclass(frozen=True)
class Passing:
    """A request: with `status` None before the platform has it, with the platform's status afterwards.

    Parameters
    ----------
    name
        `batch.SubmitJob`.
    target
        Path and query.
    body
        What was sent, if the proxy keeps it and the platform has answered; otherwise empty.
    """

    name: str
    target: str
    body: bytes
    status: int | None


class FaultProxy:
    """Listens on 127.0.0.1 while entered as a context manager, and forwards to the platform's port.

    Parameters
    ----------
    upstream_port
        The platform's; may be set later, and again after a restart.
    plan
        What goes wrong. Replacing it while the proxy runs restarts the counts of requests.

    Attributes
    ----------
    on
        Whether faults happen. While it is False requests are recorded all the same, and not counted for the plan.
    log
        Every request but those of `/_opsctl/`, each before the client sees anything of its reply.
    watch
        Called for each forwarded request, before it goes to the platform and before its reply goes back.
    keeps
        Whether `watch` gets the body of a request (name, target).
    """

    def __init__(self, upstream_port: int = 0, plan: Plan | None = None) -> None:
        self.upstream_port = upstream_port
        self.on = True
        self.log: list[Record] = []
        self.watch: Callable[[Passing], None] = lambda _: None
        self.keeps: Callable[[str, str], bool] = lambda _name, _target: False
        self.closing = threading.Event()
        self._lock = threading.Lock()
        self.plan = plan or Plan()
        self._server = _Server(self)
        self.port: int = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), name="fault-proxy")

    @property
    def plan(self) -> Plan:
        """The plan in force."""
        return self._plan

    @plan.setter
    def plan(self, plan: Plan) -> None:
        with self._lock:
            self._plan = plan
            self._numbers: Counter[tuple[str, str]] = Counter()

    def __enter__(self) -> FaultProxy:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.close_connections()
        self._server.server_close()
        assert not self._server.broken, self._server.broken

    def next_fault(self, service: str, operation: str) -> tuple[int, Fault | None]:
        """Count a request; returns its number and its fault."""
        with self._lock:
            if not self.on:
                return 0, None
            self._numbers[service, operation] += 1
            number = self._numbers[service, operation]
            return number, self._plan.fault(service, operation, number)

    def faults(self) -> Counter[str]:
        """Count the faults that really happened, by kind."""
        return Counter(str(record.fault) for record in list(self.log) if record.fault is not None)

    def carried_out(self, name: str) -> int:
        """Count the requests of an operation (`batch.SubmitJob`) that the platform carried out."""
        return sum(record.name == name and record.carried_out for record in list(self.log))


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    request_queue_size = 256

    def __init__(self, proxy: FaultProxy) -> None:
        self.proxy = proxy
        self.broken: list[BaseException] = []
        self._open: set[socket.socket] = set()
        super().__init__(("127.0.0.1", 0), _Handler)

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        self._open.add(connection)
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        # `shutdown` would close a connection in order that is to be reset.
        if request.fileno() >= 0 and request.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8) == _AT_ONCE:
            request.close()
        else:
            super().shutdown_request(request)

    def close_connections(self) -> None:
        """Close the connections of idle clients, so that no thread waits for them."""
        for connection in list(self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        error = sys.exception()
        # Campaigns kill clients; any other error is a bug of the proxy.
        if error is not None and not isinstance(error, (ConnectionError, TimeoutError)):
            self.broken.append(error)


class _ClientGoneError(ConnectionError):
    """The client closed the connection within its request."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing: the proxy keeps its own log."""

    def do_GET(self) -> None:
        proxy = self.server.proxy
        # `self.path` lacks leading slashes, which are part of a key.
        target = self.requestline.split(" ")[1]
        if target.startswith("/_opsctl/"):
            self._forward(target, b"", None)
            return
        self._service = service_of(self.headers, target)
        form = b""
        if self._service != "s3" and "x-www-form-urlencoded" in self.headers.get("Content-Type", ""):
            # The query protocol names its operation in the body.
            form = b"".join(self._body())
        self._operation = operation_of(
            self._service, method=self.command, target=target, headers=self.headers, form=form
        )
        self._number, fault = proxy.next_fault(self._service, self._operation)
        if fault is not None and fault.before:
            self._send_fault(fault, arrived=False, status=None, drain=not form)
        else:
            self._forward(target, form, fault)

    do_HEAD = do_PUT = do_POST = do_DELETE = do_GET  # noqa: N815

    def _record(self, fault: Fault | None, *, arrived: bool, status: int | None, answered: int | None) -> None:
        record = Record(self._service, self._operation, self._number, fault, arrived, status, answered)
        self.server.proxy.log.append(record)

    def _body(self) -> Iterator[bytes]:
        # No reading ahead: what follows on this connection is the next request.
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            while size := int(self._read_line().split(b";")[0], 16):
                yield self._read_exactly(size)
                self._read_line()
            while self._read_line().strip():
                pass
            return
        remaining = int(self.headers.get("Content-Length") or 0)
        while remaining:
            data = self._read_exactly(min(remaining, _CHUNK_BYTES))
            remaining -= len(data)
            yield data

    def _read_line(self) -> bytes:
        if not (line := self.rfile.readline(_CHUNK_BYTES)).endswith(b"\n"):
            raise _ClientGoneError
        return line

    def _read_exactly(self, size: int) -> bytes:
        try:
            data = self.rfile.read(size)
        except OSError:
            raise _ClientGoneError from None
        if len(data) < size:
            raise _ClientGoneError
        return data

    def _send_fault(self, fault: Fault, *, arrived: bool, status: int | None, drain: bool = False) -> None:
        if fault in (Fault.RESET_BEFORE, Fault.RESET_AFTER):
            self._record(fault, arrived=arrived, status=status, answered=None)
            self._reset()
            return
        if drain:
            for _ in self._body():
                pass
        error = throttling(self._service) if fault.status is None else server_error(self._service, fault.status)
        code, headers, body = error_reply(self._service, error)
        self._record(fault, arrived=arrived, status=status, answered=code)
        self.send_response_only(code)
        for name, value in {**headers, "x-amzn-RequestId": "0", "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _reset(self) -> None:
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)

    def _forward(self, target: str, form: bytes, fault: Fault | None) -> None:
        upstream = http.client.HTTPConnection("127.0.0.1", self.server.proxy.upstream_port, timeout=_UPSTREAM_SECONDS)
        recorded = not target.startswith("/_opsctl/")
        arrived = False
        if recorded:
            self._notify_watcher(target, b"", None)
        try:
            sent = self._send(upstream, target, form, keep=recorded and self.server.proxy.keeps(self._name, target))
            arrived = True
            answer = upstream.getresponse()
        except _ClientGoneError:
            upstream.close()
            raise
        except (http.client.HTTPException, OSError):
            # The platform has gone: so does its side of the connection.
            upstream.close()
            if recorded:
                self._record(None, arrived=arrived, status=None, answered=None)
            self._reset()
            return
        with closing(upstream):
            if recorded:
                self._notify_watcher(target, sent, answer.status)
            self._answer(answer, fault, recorded=recorded)

    @property
    def _name(self) -> str:
        return f"{self._service}.{self._operation}"

    def _notify_watcher(self, target: str, body: bytes, status: int | None) -> None:
        self.server.proxy.watch(Passing(self._name, target, body, status))

    def _send(self, upstream: http.client.HTTPConnection, target: str, form: bytes, *, keep: bool) -> bytes:
        upstream.putrequest(self.command, target, skip_host=True, skip_accept_encoding=True)
        upstream.putheader("Host", f"127.0.0.1:{self.server.proxy.upstream_port}")
        for name, value in self.headers.items():
            if name.lower() not in _HOP | {"host"}:
                upstream.putheader(name, value)
        chunked = "chunked" in self.headers.get("Transfer-Encoding", "")
        if chunked:
            upstream.putheader("Transfer-Encoding", "chunked")
        upstream.putheader("Connection", "close")
        upstream.endheaders()
        body = bytearray()
        for data in (form,) if form else self._body():
            if keep:
                body += data
            upstream.send(b"%x\r\n%b\r\n" % (len(data), data) if chunked else data)
        if chunked:
            upstream.send(b"0\r\n\r\n")
        return bytes(body)

    def _answer(self, answer: http.client.HTTPResponse, fault: Fault | None, *, recorded: bool) -> None:
        length = answer.getheader("Content-Length")
        empty = self.command == "HEAD" or answer.status in (204, 304) or length == "0"
        if fault is Fault.TRUNCATED and empty:
            fault = None
        if fault is not None and fault not in (Fault.SLOW, Fault.TRUNCATED):
            # Read all of it: the platform has not finished before its reply has been sent.
            answer.read()
            self._send_fault(fault, arrived=True, status=answer.status)
            return
        if recorded:
            self._record(fault, arrived=True, status=answer.status, answered=answer.status)
        if fault is Fault.SLOW:
            self.server.proxy.closing.wait(self.server.proxy.plan.slow_seconds)
        self.send_response_only(answer.status, answer.reason)
        for name, value in answer.getheaders():
            if name.lower() not in _HOP:
                self.send_header(name, value)
        chunked = length is None and not empty
        if chunked:
            self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        if not empty:
            self._copy_body(answer, chunked=chunked, truncate=fault is Fault.TRUNCATED)

    def _copy_body(self, answer: http.client.HTTPResponse, *, chunked: bool, truncate: bool) -> None:
        remaining = (answer.length or 1) // 2 if truncate else None
        while data := answer.read(_CHUNK_BYTES if remaining is None else min(_CHUNK_BYTES, remaining)):
            self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data) if chunked else data)
            remaining = None if remaining is None else remaining - len(data)
        if truncate or answer.length:
            # answer.length: the platform ended within its reply.
            self.close_connection = True
        elif chunked:
            self.wfile.write(b"0\r\n\r\n")
