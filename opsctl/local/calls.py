"""What is asked of the local platform, a line of JSON for each request: who made which call with which parameters.

For tests of who needs which permission. A server that was started without `OPSCTL_LOCAL_CALLS` has none of this in its
way. Keys name subjects, so the file is for made-up data.
"""

from __future__ import annotations

import io
import json
import re
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote

import botocore.session

if TYPE_CHECKING:
    from botocore.model import OperationModel

#: Names the file that calls are written to.
VARIABLE = "OPSCTL_LOCAL_CALLS"

_SIGNED = re.compile(r"Credential=[^/]+/\d+/(?P<region>[^/]*)/(?P<service>[^/]+)/")
#: Services without their calls' names in the request: method and path say which it is.
_REST = ("batch", "s3")


class Calls:
    """A WSGI application that writes down what passes through it.

    Parameters
    ----------
    application
        What answers.
    path
        A file that lines are added to.
    """

    def __init__(self, application: Callable[..., Iterable[bytes]], path: Path) -> None:
        self._application = application
        self._path = path
        self._lock = threading.Lock()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Write a request down, and pass it on."""
        line = json.dumps(_call(environ))
        with self._lock, self._path.open("a") as file:
            file.write(f"{line}\n")
        return self._application(environ, start_response)


def _call(environ: dict[str, Any]) -> dict[str, Any]:
    # Without a signature only S3 is asked anything.
    signed = _SIGNED.search(environ.get("HTTP_AUTHORIZATION", ""))
    region, service = signed.groups() if signed else ("", "s3")
    operation, parameters = _rest(service, environ) if service in _REST else _named(environ)
    return {
        "service": service,
        "region": region,
        "operation": operation,
        "parameters": parameters,
        "user_agent": environ.get("HTTP_USER_AGENT", ""),
    }


def _named(environ: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    body = _body(environ)
    target = environ.get("HTTP_X_AMZ_TARGET", "")
    if target:
        return target.rpartition(".")[2], _json(body)
    parameters = dict(parse_qsl(body.decode(errors="replace"), keep_blank_values=True))
    return parameters.pop("Action", ""), parameters


def _rest(service: str, environ: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    # As it came: an ARN in a path has slashes of its own.
    path = environ["RAW_URI"].partition("?")[0]
    query = dict(parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True))
    found: tuple[int, str, dict[str, Any]] = (-1, "", {})
    for route in _routes(service):
        match = route.path.fullmatch(path)
        if match is not None and route.fits(environ, query) and len(route.needs) > found[0]:
            found = len(route.needs), route.name, {name: unquote(text) for name, text in match.groupdict().items()}
    # A body of S3's may be a scan.
    body = _json(_body(environ)) if service != "s3" else query
    return found[1], {**body, **found[2]}


@dataclass(frozen=True)
class _Route:
    """How one operation shows: its path, and what the query or the headers must hold (of two that fit, the most)."""

    name: str
    method: str
    path: re.Pattern[str]
    needs: frozenset[tuple[str, str, str]]

    def fits(self, environ: dict[str, Any], query: dict[str, str]) -> bool:
        if environ["REQUEST_METHOD"] != self.method:
            return False
        headers = {key[5:].replace("_", "-").lower(): value for key, value in environ.items() if key[:5] == "HTTP_"}
        there = {"querystring": query, "header": headers}
        return all(name in there[where] and wanted in ("", there[where][name]) for where, name, wanted in self.needs)


@cache
def _routes(service: str) -> tuple[_Route, ...]:
    model = botocore.session.get_session().get_service_model(service)
    operations = (model.operation_model(name) for name in model.operation_names)
    return tuple(_route(operation) for operation in operations if not operation.deprecated)


def _route(operation: OperationModel) -> _Route:
    path, _, query = operation.http["requestUri"].partition("?")
    pattern = re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.sub(r"\\{(\w+)\\\+\\}", r"(?P<\1>.+)", re.escape(path)))
    needs = {("querystring", name, wanted) for name, wanted in parse_qsl(query, keep_blank_values=True)}
    needs |= set(_required(operation))
    return _Route(operation.name, operation.http["method"], re.compile(f"{pattern}/?"), frozenset(needs))


def _required(operation: OperationModel) -> Iterator[tuple[str, str, str]]:
    shape = operation.input_shape
    if shape is None:
        return
    for name in shape.required_members:
        told = shape.members[name].serialization
        if told.get("location") in ("querystring", "header"):
            yield told["location"], told["name"].lower() if told["location"] == "header" else told["name"], ""


def _body(environ: dict[str, Any]) -> bytes:
    body: bytes = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"] = io.BytesIO(body)
    return body


def _json(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body or b"{}")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
