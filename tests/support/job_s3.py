"""A real S3 over HTTP on this machine: moto behind a thin layer that records, delays and breaks requests."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from types import TracebackType
from typing import Any
from urllib.parse import unquote

import boto3
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.s3.models import s3_backends
from werkzeug.serving import WSGIRequestHandler, make_server

ACCOUNT = "123456789012"


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:
        pass


class Closed(Exception):
    """Raised by a rule: the connection ends without an answer."""


@dataclass(frozen=True)
class Request:
    """One request as it came in; `job` is the job that sent it (its application id in the user agent)."""

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
    """Holds matching requests back until it is released."""

    matches: Callable[[Request], bool]
    arrived: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    released: threading.Event = field(default_factory=threading.Event)

    def wait(self, count: int = 1) -> None:
        for _ in range(count):
            assert self.arrived.acquire(timeout=60), "the request that the test waits for never came"


Rule = Callable[[Request], tuple[int, str] | None]


class LocalS3:
    """moto's S3 in a thread of this process. Rules answer in its place; a hold delays; every request is recorded."""

    def __init__(self) -> None:
        self._app = DomainDispatcherApplication(create_backend_app)
        # moto looks for the object and writes it in two steps: without this, two conditional writes could both win.
        self._writing = threading.Lock()
        self._server = make_server("127.0.0.1", 0, self._answer, threaded=True, request_handler=_Quiet)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self.reset()

    def __enter__(self) -> LocalS3:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def reset(self) -> None:
        for hold in getattr(self, "holds", []):
            hold.released.set()
        self.requests: list[Request] = []
        self.written: list[Request] = []
        self.rules: list[Rule] = []
        self.holds: list[Hold] = []
        self._losing: Callable[[Request], bool] = lambda request: False
        self._lost: set[str] = set()
        self._cutting: Callable[[Request], bool] = lambda request: False
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

    def hold(self, matches: Callable[[Request], bool]) -> Hold:
        """Hold back requests that match, from now on."""
        self.holds.append(Hold(matches))
        return self.holds[-1]

    def lose_reply(self, matches: Callable[[Request], bool]) -> None:
        """Carry out the first PUT of each matching object, and close the connection without an answer."""
        self._losing = matches

    def cut_bodies(self, matches: Callable[[Request], bool]) -> None:
        """Break the connection off in the middle of the body of each matching GET's answer."""
        self._cutting = matches

    def age(self, bucket: str, key: str, by: timedelta) -> None:
        """Make an object older, by S3's own clock."""
        s3_backends[ACCOUNT]["aws"].get_bucket(bucket).keys[key].last_modified -= by

    def writes(self, job: str = "", *, attempts: bool = False) -> list[Request]:
        """Every PUT, POST or DELETE of jobs, or of one job; those of attempts' records only where asked for."""
        return [
            request
            for request in self.requests
            if request.method != "GET" and request.method != "HEAD" and request.job and job in ("", request.job)
            if attempts or "/attempts/" not in request.key
        ]

    def _answer(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        headers = {name[5:].replace("_", "-").lower(): value for name, value in environ.items() if name[:5] == "HTTP_"}
        agent = headers.get("user-agent", "")
        request = Request(
            method=environ["REQUEST_METHOD"],
            path=unquote(environ["PATH_INFO"]),
            query=environ.get("QUERY_STRING", ""),
            headers=headers,
            job=agent.split(" app/", 1)[1].split()[0] if " app/" in agent else "",
        )
        self.requests.append(request)
        for hold in list(self.holds):
            if hold.matches(request):
                hold.arrived.release()
                hold.released.wait(timeout=120)
        for rule in list(self.rules):
            refusal = rule(request)
            if refusal:
                return _refusal(refusal, environ, start_response)
        if request.method == "GET" and self._cutting(request):
            whole = b"".join(self._app(environ, start_response))
            return _broken_off(whole)
        if request.method in ("GET", "HEAD"):
            return self._app(environ, start_response)
        with self._writing:
            answer = list(self._app(environ, start_response))
            self.written.append(request)
        if self._losing(request) and request.method == "PUT" and request.key not in self._lost:
            self._lost.add(request.key)
            raise Closed
        return answer


def _broken_off(whole: bytes) -> Iterable[bytes]:
    yield whole[: len(whole) // 2]
    raise Closed


def _refusal(answer: tuple[int, str], environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    status, code = answer
    environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    if status == 0:
        raise Closed
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>as told</Message></Error>".encode()
    start_response(f"{status} {code}", [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))])
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]
