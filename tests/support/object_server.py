"""One object on a server that speaks as S3 does, and fails as the test says."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Iterator
from types import TracebackType
from typing import Any

import boto3
from botocore.config import Config

from opsctl.core.runs.result import OutputFile
from support.aws_answers import KEYS
from support.scripted_http import Reply, Request, ScriptedServer


class ObjectServer(ScriptedServer):
    """Attributes: `body` (the object), `faults` (one a request, in order).

    A fault is `cut` (half of what was to come, then the end of the connection), `reset` (the same, with a reset),
    `slow down` (503), `no ranges` (the whole object, whatever was asked), `hold` (half, then nothing until `go` is
    set), or `` for none.
    """

    def __init__(self, body: bytes) -> None:
        super().__init__(self._object)
        self.body = body
        self.faults: list[str] = []
        self.half_sent = threading.Event()
        self.go = threading.Event()

    @property
    def asked(self) -> list[tuple[str, str]]:
        """Each request's Range and If-Match."""
        return [
            (request.headers.get("Range", ""), request.headers.get("If-Match", "").strip('"'))
            for request in self.requests
        ]

    @property
    def etag(self) -> str:
        return hashlib.md5(self.body).hexdigest()

    def file(self, **changes: Any) -> OutputFile:
        """The object as its job published it."""
        known = {"size_bytes": len(self.body), "sha256": hashlib.sha256(self.body).hexdigest(), "etag": self.etag}
        return OutputFile(uri="s3://data/D/a.csv", **{**known, **changes})

    def _object(self, request: Request) -> Reply:
        if_match = request.headers.get("If-Match", "").strip('"')
        fault = self.faults.pop(0) if self.faults else ""
        if if_match and if_match != self.etag:
            return _refusal(412, "PreconditionFailed")
        if fault == "slow down":
            return _refusal(503, "SlowDown")
        body, status, headers = self.body, 200, {"ETag": f'"{self.etag}"'}
        span = re.match(r"bytes=(\d+)-", request.headers.get("Range", ""))
        if span and fault != "no ranges":
            start = int(span[1])
            if start >= len(body):
                return _refusal(416, "InvalidRange")
            status, headers["Content-Range"] = 206, f"bytes {start}-{len(body) - 1}/{len(body)}"
            body = body[start:]
        headers["Content-Length"] = str(len(body))
        return Reply(status, headers, self._pieces(body, fault))

    def _pieces(self, body: bytes, fault: str) -> Iterator[bytes]:
        if fault not in ("cut", "reset", "hold"):
            yield body
            return
        yield body[: len(body) // 2]
        self.half_sent.set()
        if fault == "reset":
            raise ConnectionResetError
        if fault == "hold":
            self.go.wait(30)
            yield body[len(body) // 2 :]

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.go.set()
        super().__exit__(kind, error, trace)


def object_client(url: str, *, attempts: int = 1) -> Any:
    """A client of S3 at a server's address."""
    config = Config(s3={"addressing_style": "path"}, retries={"mode": "standard", "total_max_attempts": attempts})
    return boto3.client("s3", endpoint_url=url, config=config, **KEYS)


def _refusal(status: int, code: str) -> Reply:
    body = f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode()
    return Reply(status, {"Content-Type": "application/xml"}, body)
