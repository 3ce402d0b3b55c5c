"""The calls of the AWS API that pass a server, a line of JSON each: who made which call with which parameters.

Object keys name subjects, so record calls with made-up data only.
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
from xml.etree import ElementTree

import botocore.session

if TYPE_CHECKING:
    from botocore.model import OperationModel

_SIGNED = re.compile(r"Credential=[^/]+/\d+/(?P<region>[^/]*)/(?P<service>[^/]+)/")
#: Services whose requests do not name the operation: method, path, query and headers tell it.
_REST = ("batch", "s3")


class CallRecorder:
    """A WSGI application that appends each call to the file `path`, and passes it on to `application`."""

    def __init__(self, application: Callable[..., Iterable[bytes]], path: Path) -> None:
        self._application = application
        self._path = path
        self._lock = threading.Lock()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        line = json.dumps(_call(environ))
        with self._lock, self._path.open("a") as file:
            file.write(f"{line}\n")
        return self._application(environ, start_response)


def _call(environ: dict[str, Any]) -> dict[str, Any]:
    # S3 is the only service that takes unsigned requests.
    signed = _SIGNED.search(environ.get("HTTP_AUTHORIZATION", ""))
    region, service = signed.groups() if signed else ("", "s3")
    operation, parameters = _rest_call(service, environ) if service in _REST else _rpc_call(environ)
    return {
        "service": service,
        "region": region,
        "operation": operation,
        "parameters": parameters,
        "user_agent": environ.get("HTTP_USER_AGENT", ""),
    }


def _rpc_call(environ: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    body = _body(environ)
    target = environ.get("HTTP_X_AMZ_TARGET", "")
    if target:
        return target.rpartition(".")[2], _json(body)
    parameters = dict(parse_qsl(body.decode(errors="replace"), keep_blank_values=True))
    return parameters.pop("Action", ""), parameters


def _rest_call(service: str, environ: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    # Undecoded: an ARN in a path holds slashes, encoded.
    path = environ["RAW_URI"].partition("?")[0]
    query = dict(parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True))
    operation, most = "", -1
    in_path: dict[str, str] = {}
    for route in _routes(service):
        match = route.path.fullmatch(path)
        if match is not None and route.matches(environ, query) and len(route.required) > most:
            in_path = {name: unquote(text) for name, text in match.groupdict().items()}
            operation, most = route.operation, len(route.required)
    # The body of an S3 request may be a whole image.
    body = _json(_body(environ)) if service != "s3" else query
    if operation == "DeleteObjects":
        body = {**body, "Delete": _deleted(_body(environ))}
    return operation, {**body, **in_path}


def _deleted(body: bytes) -> list[dict[str, str]]:
    """The keys, and version ids where there are any, in the body of DeleteObjects."""
    entries = (entry for entry in ElementTree.fromstring(body) if entry.tag.endswith("Object"))
    return [{part.tag.rpartition("}")[2]: part.text or "" for part in entry} for entry in entries]


@dataclass(frozen=True)
class _Route:
    """How to recognise one operation. Of two that match, the one with more requirements is meant.

    Attributes
    ----------
    required
        Triples of `querystring` or `header`, a name, and its value (empty: any value).
    """

    operation: str
    method: str
    path: re.Pattern[str]
    required: frozenset[tuple[str, str, str]]

    def matches(self, environ: dict[str, Any], query: dict[str, str]) -> bool:
        if environ["REQUEST_METHOD"] != self.method:
            return False
        headers = {key[5:].replace("_", "-").lower(): value for key, value in environ.items() if key[:5] == "HTTP_"}
        sent = {"querystring": query, "header": headers}
        return all(name in sent[place] and value in ("", sent[place][name]) for place, name, value in self.required)


@cache
def _routes(service: str) -> tuple[_Route, ...]:
    model = botocore.session.get_session().get_service_model(service)
    operations = (model.operation_model(name) for name in model.operation_names)
    return tuple(_route(operation) for operation in operations if not operation.deprecated)


def _route(operation: OperationModel) -> _Route:
    path, _, query = operation.http["requestUri"].partition("?")
    pattern = re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.sub(r"\\{(\w+)\\\+\\}", r"(?P<\1>.+)", re.escape(path)))
    required = {("querystring", name, value) for name, value in parse_qsl(query, keep_blank_values=True)}
    required |= set(_required_members(operation))
    return _Route(operation.name, operation.http["method"], re.compile(f"{pattern}/?"), frozenset(required))


def _required_members(operation: OperationModel) -> Iterator[tuple[str, str, str]]:
    shape = operation.input_shape
    if shape is None:
        return
    for name in shape.required_members:
        serialization = shape.members[name].serialization
        if serialization.get("location") == "querystring":
            yield "querystring", serialization["name"], ""
        elif serialization.get("location") == "header":
            yield "header", serialization["name"].lower(), ""


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
