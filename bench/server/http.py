"""HTTP/1.1 with keep-alive: replies come after a given latency, large bodies at a given speed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

_BLOCK_BYTES = 512 * 1024
#: A larger body of a request is counted, and not kept.
_KEPT_BYTES = 16 * 1024 * 1024


@dataclass
class Settings:
    """What the bench may change while the server runs: the latency, and the count of requests."""

    latency_seconds: float = 0.0
    count: int = 0


@dataclass(frozen=True)
class Request:
    """One complete request."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Stream:
    """A body too large for memory: a block that repeats, sent at a limited speed."""

    block: bytes
    start: int
    length: int
    bytes_a_second: float


@dataclass(frozen=True)
class Reply:
    """A reply."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | Stream = b""

    @classmethod
    def json(cls, value: Any) -> Reply:
        """A reply with a JSON document."""
        return cls(headers={"Content-Type": "application/x-amz-json-1.1"}, body=json.dumps(value).encode())


class Connection(asyncio.Protocol):
    """One client's connection; the client sends its next request after it has the reply."""

    def __init__(self, answer: Callable[[Request], Reply], settings: Settings) -> None:
        self._answer = answer
        self._settings = settings
        self._buffer = bytearray()
        self._continue_sent = False
        self._dropped_bytes = 0
        self._is_writable = asyncio.Event()
        self._is_writable.set()
        self._sending: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, _error: Exception | None) -> None:
        if self._sending is not None:
            self._sending.cancel()

    def pause_writing(self) -> None:
        self._is_writable.clear()

    def resume_writing(self) -> None:
        self._is_writable.set()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        first, *lines = self._buffer[:end].decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        length = int(headers.get("content-length", 0))
        if length > _KEPT_BYTES:
            self._dropped_bytes += len(self._buffer) - end - 4
            del self._buffer[end + 4 :]
        if len(self._buffer) + self._dropped_bytes < end + 4 + length:
            if "expect" in headers and not self._continue_sent:
                self._continue_sent = True
                self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            return
        body = bytes(self._buffer[end + 4 : end + 4 + length])
        del self._buffer[: end + 4 + length]
        self._continue_sent, self._dropped_bytes = False, 0
        method, target, _ = first.split(" ")
        address = urlsplit(target)
        query = dict(parse_qsl(address.query, keep_blank_values=True))
        request = Request(method, unquote(address.path), query, headers, body)
        if request.path == "/_bench":
            self._reply(request)
            return
        self._settings.count += 1
        loop = asyncio.get_running_loop()
        loop.call_at(loop.time() + self._settings.latency_seconds, self._reply, request)

    def _reply(self, request: Request) -> None:
        if self._transport.is_closing():
            return
        reply = self._answer(request)
        length = reply.body.length if isinstance(reply.body, Stream) else len(reply.body)
        headers = {
            "Content-Length": str(length),
            "Date": formatdate(usegmt=True),
            "x-amzn-RequestId": "bench",
            **reply.headers,
        }
        lines = [
            f"HTTP/1.1 {reply.status} {HTTPStatus(reply.status).phrase}",
            *(f"{k}: {v}" for k, v in headers.items()),
        ]
        self._transport.write("\r\n".join([*lines, "", ""]).encode())
        if request.method == "HEAD":
            return
        if isinstance(reply.body, Stream):
            self._sending = asyncio.get_running_loop().create_task(self._send(reply.body))
        elif reply.body:
            self._transport.write(reply.body)

    async def _send(self, stream: Stream) -> None:
        loop = asyncio.get_running_loop()
        view, started, sent = memoryview(stream.block), loop.time(), 0
        while sent < stream.length:
            start = (stream.start + sent) % len(view)
            block = view[start : start + min(_BLOCK_BYTES, stream.length - sent)]
            sent += len(block)
            # The speed counts from the first byte; a client that reads late does not get more per second afterwards.
            await asyncio.sleep(max(0.0, started + sent / stream.bytes_a_second - loop.time()))
            await self._is_writable.wait()
            self._transport.write(block)
