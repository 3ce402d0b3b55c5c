"""One object on a server that speaks as S3 does, and fails as the test says."""

from __future__ import annotations

import hashlib
import re
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

import boto3
from botocore.config import Config

from opsctl.core.runs.result import OutputFile
from support.aws_answers import KEYS


class ObjectServer:
    """Attributes: `body` (the object), `asked` (each request's Range and If-Match), `faults` (one a request, in order).

    A fault is `cut` (half of what was to come, then the end of the connection), `reset` (the same, with a reset),
    `slow down` (503), `no ranges` (the whole object, whatever was asked), `hold` (half, then nothing until `go` is
    set), or `` for none.
    """

    def __init__(self, body: bytes) -> None:
        self.body = body
        self.asked: list[tuple[str, str]] = []
        self.faults: list[str] = []
        self.half_sent = threading.Event()
        self.go = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                outer._answer(self)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: Any, client_address: Any) -> None:
                pass  # the client was killed: what the test is about

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)

    def client(self, *, attempts: int = 1) -> Any:
        config = Config(s3={"addressing_style": "path"}, retries={"mode": "standard", "total_max_attempts": attempts})
        return boto3.client("s3", endpoint_url=self.url, config=config, **KEYS)

    @property
    def etag(self) -> str:
        return hashlib.md5(self.body).hexdigest()

    def file(self, **changes: Any) -> OutputFile:
        """The object as its job published it."""
        known = {"size_bytes": len(self.body), "sha256": hashlib.sha256(self.body).hexdigest(), "etag": self.etag}
        return OutputFile(uri="s3://data/D/a.csv", **{**known, **changes})

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        wanted, if_match = request.headers.get("Range", ""), request.headers.get("If-Match", "")
        self.asked.append((wanted, if_match.strip('"')))
        fault = self.faults.pop(0) if self.faults else ""
        body, status, headers = self.body, 200, {}
        if if_match and if_match.strip('"') != self.etag:
            return self._refuse(request, 412, "PreconditionFailed")
        if fault == "slow down":
            return self._refuse(request, 503, "SlowDown")
        span = re.match(r"bytes=(\d+)-", wanted)
        if span and fault != "no ranges":
            start = int(span[1])
            if start >= len(body):
                return self._refuse(request, 416, "InvalidRange")
            status, headers = 206, {"Content-Range": f"bytes {start}-{len(body) - 1}/{len(body)}"}
            body = body[start:]
        request.send_response(status)
        for name, value in {**headers, "ETag": f'"{self.etag}"', "Content-Length": str(len(body))}.items():
            request.send_header(name, value)
        request.end_headers()
        if fault in ("cut", "reset", "hold"):
            request.wfile.write(body[: len(body) // 2])
            request.wfile.flush()
            self.half_sent.set()
            if fault == "hold":
                self.go.wait(30)
                request.wfile.write(body[len(body) // 2 :])
                return None
            if fault == "reset":
                request.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            request.close_connection = True
            return None
        request.wfile.write(body)
        return None

    @staticmethod
    def _refuse(request: BaseHTTPRequestHandler, status: int, code: str) -> None:
        body = f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode()
        request.send_response(status)
        request.send_header("Content-Type", "application/xml")
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)

    def __enter__(self) -> ObjectServer:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.go.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
