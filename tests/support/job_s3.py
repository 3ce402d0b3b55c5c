"""A real S3 over HTTP on this machine: moto behind a WSGI layer that records, delays and breaks requests."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from typing import Any

import boto3
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.s3.models import s3_backends
from werkzeug import wrappers
from werkzeug.serving import WSGIRequestHandler, make_server

ACCOUNT = "123456789012"


class _SilentHandler(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:
        pass


class Closed(Exception):
    """Raised to end the connection without a reply."""


@dataclass(frozen=True)
class Request:
    """One received request; `job` is the job that sent it (the application id in its user agent), or ""."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    job: str

    @property
    def key(self) -> str:
        """The object's key: what follows the bucket."""
        return self.path.split("/", 2)[2] if self.path.count("/") > 1 else ""


@dataclass
class Hold:
    """Delays matching requests until it is released."""

    matches: Callable[[Request], bool]
    arrived: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    released: threading.Event = field(default_factory=threading.Event)

    def wait(self, count: int = 1) -> None:
        for _ in range(count):
            assert self.arrived.acquire(timeout=60), "the request that the test waits for never came"


#: Gives the status and error code of a reply in moto's place, status 0 to close the connection, or None.
Rule = Callable[[Request], tuple[int, str] | None]


class LocalS3:
    """moto's S3 in a thread of this process; it records every request.

    Attributes
    ----------
    requests, written
        All requests as they came in, and the writes that moto has carried out.
    rules
        The first one that gives a reply decides.
    """

    def __init__(self) -> None:
        self._app = DomainDispatcherApplication(create_backend_app)
        # moto looks for the object and writes it in two steps: without a lock two conditional writes may succeed.
        self._write_lock = threading.Lock()
        self._server = make_server("127.0.0.1", 0, self._answer, threaded=True, request_handler=_SilentHandler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self.holds: list[Hold] = []
        self.reset()

    def __enter__(self) -> LocalS3:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def reset(self) -> None:
        """Remove all objects, records, rules and holds."""
        for hold in self.holds:
            hold.released.set()
        self.holds = []
        self.requests: list[Request] = []
        self.written: list[Request] = []
        self.rules: list[Rule] = []
        self._loses_reply: Callable[[Request], bool] = lambda request: False
        self._keys_without_reply: set[str] = set()
        self._cuts_body: Callable[[Request], bool] = lambda request: False
        s3_backends[ACCOUNT]["aws"].reset()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def credentials(self) -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    @property
    def client(self) -> Any:
        return boto3.session.Session().client("s3", endpoint_url=self.url)

    @cached_property
    def lasting_client(self) -> Any:
        """One client for all tests of the server: each costs as much as a tenth of a job."""
        return self.client

    def hold(self, matches: Callable[[Request], bool]) -> Hold:
        """Delay matching requests, from now on."""
        self.holds.append(Hold(matches))
        return self.holds[-1]

    def lose_reply(self, matches: Callable[[Request], bool]) -> None:
        """Carry out the first PUT of each matching object, and close the connection without a reply."""
        self._loses_reply = matches

    def cut_bodies(self, matches: Callable[[Request], bool]) -> None:
        """Close the connection in the middle of the body of the reply to each matching GET."""
        self._cuts_body = matches

    def age(self, bucket: str, key: str, by: timedelta) -> None:
        """Make an object older, by S3's own clock."""
        s3_backends[ACCOUNT]["aws"].get_bucket(bucket).keys[key].last_modified -= by

    def writes(self, job: str = "", *, attempts: bool = False) -> list[Request]:
        """Every PUT, POST or DELETE of all jobs or of one; with `attempts` also those of attempts' records."""
        return [
            request
            for request in self.requests
            if request.method not in ("GET", "HEAD") and request.job and job in ("", request.job)
            if attempts or "/attempts/" not in request.key
        ]

    def _answer(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        sent = wrappers.Request(environ)
        job = re.search(r" app/(\S+)", sent.headers.get("User-Agent", ""))
        request = Request(
            method=sent.method,
            path=sent.path,
            query=sent.query_string.decode(),
            headers={name.lower(): value for name, value in sent.headers},
            job=job.group(1) if job else "",
        )
        self.requests.append(request)
        for hold in list(self.holds):
            if hold.matches(request):
                hold.arrived.release()
                hold.released.wait(timeout=120)
        for rule in list(self.rules):
            refusal = rule(request)
            if refusal:
                sent.get_data(cache=False)
                return _error(*refusal)(environ, start_response)
        if request.method == "GET" and self._cuts_body(request):
            return _cut(b"".join(self._app(environ, start_response)))
        if request.method in ("GET", "HEAD"):
            return self._app(environ, start_response)
        with self._write_lock:
            reply = list(self._app(environ, start_response))
            self.written.append(request)
        if request.method == "PUT" and self._loses_reply(request) and request.key not in self._keys_without_reply:
            self._keys_without_reply.add(request.key)
            raise Closed
        return reply


def _cut(body: bytes) -> Iterable[bytes]:
    yield body[: len(body) // 2]
    raise Closed


def _error(status: int, code: str) -> wrappers.Response:
    if status == 0:
        raise Closed
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>as told</Message></Error>"
    return wrappers.Response(body, status, content_type="application/xml")
