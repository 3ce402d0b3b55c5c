"""A proxy between Terraform and the local platform that answers some calls with AWS errors."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from botocore.session import get_session

_QUERY = (
    '<ErrorResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><Error><Type>Sender</Type><Code>{code}</Code>'
    "<Message>{message}</Message></Error><RequestId>0</RequestId></ErrorResponse>"
)
_EC2 = (
    "<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors>"
    "<RequestID>0</RequestID></Response>"
)


@dataclass
class Fault:
    """What becomes of the next `times` calls of an operation.

    Attributes
    ----------
    service, operation
        As AWS's models name them: `iam`, `CreateRole`.
    code, message
        AWS's error. No code: the platform does it, and its reply is lost.
    """

    service: str
    operation: str
    code: str = ""
    message: str = ""
    status: int = 400
    times: int = 1

    def fits(self, method: str, target: str, headers: http.client.HTTPMessage, body: bytes) -> bool:
        """Whether the fault applies to a request."""
        if f"/{self.service}/aws4_request" not in (headers.get("Authorization") or ""):
            return False
        model = get_session().get_service_model(self.service)
        if model.protocol in ("query", "ec2"):
            return f"Action={self.operation}&".encode() in body + b"&"
        if model.protocol == "json":
            return (headers.get("X-Amz-Target") or "").endswith(f".{self.operation}")
        request = model.operation_model(self.operation).http
        return (method, target.partition("?")[0]) == (request["method"], request["requestUri"])

    def reply(self) -> tuple[str, bytes]:
        """Content type and body in the service's protocol."""
        protocol = get_session().get_service_model(self.service).protocol
        if protocol in ("query", "ec2"):
            text = (_EC2 if protocol == "ec2" else _QUERY).format(code=self.code, message=self.message)
            return "text/xml", text.encode()
        return "application/json", json.dumps({"__type": self.code, "message": self.message}).encode()


class AwsFaults:
    """The proxy; `met` are the faults that have happened."""

    def __init__(self, upstream_port: int, faults: list[Fault]) -> None:
        self.upstream_port = upstream_port
        self.faults = faults
        self.met: list[Fault] = []
        self._lock = threading.Lock()

    def fate(self, method: str, target: str, headers: http.client.HTTPMessage, body: bytes) -> Fault | None:
        with self._lock:
            for fault in self.faults:
                if fault.times and fault.fits(method, target, headers, body):
                    fault.times -= 1
                    self.met.append(fault)
                    return fault
        return None


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    world: AwsFaults

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fault = self.world.fate(self.command, self.path, self.headers, body)
        if fault is not None and fault.code:
            kind, content = fault.reply()
            self._answer(fault.status, [("Content-Type", kind), ("x-amzn-ErrorType", fault.code)], content)
            return
        upstream = http.client.HTTPConnection("127.0.0.1", self.world.upstream_port, timeout=120)
        upstream.request(self.command, self.path, body, dict(self.headers.items()))
        answer = upstream.getresponse()
        content = answer.read()
        upstream.close()
        if fault is not None:
            self.close_connection = True
            return
        self._answer(answer.status, answer.getheaders(), content)

    do_HEAD = do_PUT = do_POST = do_DELETE = do_GET  # noqa: N815

    def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.send_response_only(status)
        length = next((value for name, value in headers if name.lower() == "content-length"), str(len(body)))
        for name, value in headers:
            if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                self.send_header(name, value)
        self.send_header("Content-Length", length if self.command == "HEAD" else str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Print nothing about a client that was killed, which is what these tests do."""


@contextmanager
def faulty(upstream_port: int, *faults: Fault) -> Iterator[tuple[str, AwsFaults]]:
    """Run the proxy while the block runs; gives its address and its record of faults."""
    world = AwsFaults(upstream_port, list(faults))
    handler = type("Handler", (_Handler,), {"world": world})
    server = _Server(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", world
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
