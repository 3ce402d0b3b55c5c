"""moto answers one request at a time, and S3 all of them."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from opsctl.local.one_at_a_time import OneAtATime


class Moto:
    """Counts the requests that it works on at the same time; each ends when the test lets it."""

    def __init__(self) -> None:
        self.at_once = self.most = 0
        self.entered, self.may_end = threading.Semaphore(0), threading.Semaphore(0)
        self._lock = threading.Lock()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        with self._lock:
            self.at_once += 1
            self.most = max(self.most, self.at_once)
        self.entered.release()
        assert self.may_end.acquire(timeout=30)
        with self._lock:
            self.at_once -= 1
        return [environ["wsgi.input"].read(3)]


class SlowBody(io.BytesIO):
    """A body whose client waits."""

    def __init__(self) -> None:
        super().__init__(b"abc")
        self.is_asked, self.may_come = threading.Event(), threading.Event()

    def read(self, size: int | None = -1) -> bytes:
        self.is_asked.set()
        assert self.may_come.wait(30)
        return super().read(size)


def request(service: str, body: io.BytesIO | None = None) -> dict[str, Any]:
    credential = f"AWS4-HMAC-SHA256 Credential=local/20261128/us-east-1/{service}/aws4_request"
    return {"HTTP_AUTHORIZATION": credential, "CONTENT_LENGTH": "3", "wsgi.input": body or io.BytesIO(b"abc")}


@pytest.mark.parametrize(("service", "at_once"), [("iam", 1), ("batch", 1), ("s3", 4)])
def test_how_many_requests_at_once(service: str, at_once: int) -> None:
    moto = Moto()
    server = OneAtATime(moto)
    answers: list[bytes] = []
    threads = [
        threading.Thread(target=lambda: answers.extend(server(request(service), lambda *_: None))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for _ in range(at_once):
        assert moto.entered.acquire(timeout=30)
    for _ in threads:
        moto.may_end.release()
    for thread in threads:
        thread.join(30)
    assert (moto.most, answers) == (at_once, [b"abc"] * 4)


def test_a_client_that_sends_slowly_keeps_nobody_waiting() -> None:
    moto, body = Moto(), SlowBody()
    server = OneAtATime(moto)
    slow = threading.Thread(target=server, args=(request("iam", body), lambda *_: None))
    slow.start()
    assert body.is_asked.wait(30)
    moto.may_end.release()
    assert server(request("iam"), lambda *_: None) == [b"abc"]
    body.may_come.set()
    moto.may_end.release()
    slow.join(30)
