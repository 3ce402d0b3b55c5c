"""Which operation of AWS's API a request is, with its parameters: found by botocore's own models of the services."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote
from xml.etree import ElementTree

import botocore.session

if TYPE_CHECKING:
    from botocore.model import OperationModel

    from opsctl.local.rights.signature import Signature

#: Services whose requests do not name the operation: method, path, query and headers tell it.
_REST = ("batch", "s3")
#: The headers of S3 that need permissions of their own, or that policies may refer to.
_HEADERS = re.compile(
    r"HTTP_X_AMZ_(ACL|GRANT_\w+|TAGGING|COPY_SOURCE|OBJECT_LOCK_\w+|STORAGE_CLASS|METADATA_DIRECTIVE"
    r"|SERVER_SIDE_ENCRYPTION(_AWS_KMS_KEY_ID)?)"
)
#: Bytes of a request that names objects to delete: S3 takes 1,000 keys.
_DELETE_BYTES = 4 * 1024 * 1024


def call_of(environ: dict[str, Any], signature: Signature | None) -> dict[str, Any]:
    """Read a request. Its body can be read again afterwards.

    Parameters
    ----------
    environ
        The request, as WSGI gives it.
    signature
        Its signature; a request without one is S3's.

    Returns
    -------
    dict
        `service`, `region`, `operation` ("" where it is not known, or where the request could mean several) and
        `parameters`: S3's are those of path and query, `headers`, and the `Objects` of DeleteObjects.
    """
    service, region = (signature.service, signature.region) if signature is not None else ("s3", "")
    operation, parameters = _rest_call(service, environ) if service in _REST else _rpc_call(environ)
    return {"service": service, "region": region, "operation": operation, "parameters": parameters}


def _rpc_call(environ: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    body = _body(environ)
    target = environ.get("HTTP_X_AMZ_TARGET", "")
    if environ.get("QUERY_STRING"):
        return "", {}
    if target:
        return target.rpartition(".")[2], _json(body)
    pairs = parse_qsl(body.decode(errors="replace"), keep_blank_values=True)
    parameters = dict(pairs)
    operation = parameters.pop("Action", "")
    return operation if len([name for name, _ in pairs if name == "Action"]) == 1 else "", parameters


def _rest_call(service: str, environ: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    # Undecoded: an ARN in a path holds slashes, encoded.
    path = environ["RAW_URI"].partition("?")[0]
    query = dict(parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True))
    best: _Route | None = None
    in_path: dict[str, str] = {}
    for route in _routes(service).get(environ["REQUEST_METHOD"], ()):
        if best is not None and len(route.required) <= len(best.required):
            continue
        match = route.path.fullmatch(path) if route.matches(environ, query) else None
        if match is not None:
            best, in_path = route, {name: unquote(text) for name, text in match.groupdict().items()}
    if best is None:
        return "", {}
    if service != "s3":
        return best.operation, {**_json(_body(environ)), **in_path}
    # `?acl&tagging` could be either of two operations.
    named = {name for place, name, _ in best.required if place == "querystring"}
    if not named >= query.keys() & _subresources():
        return "", {**query, **in_path}
    headers = {name[5:].replace("_", "-").lower(): environ[name] for name in environ if _HEADERS.fullmatch(name)}
    parameters = {**query, **in_path, **({"headers": headers} if headers else {})}
    if best.operation == "DeleteObjects":
        # The body of any other request of S3 may be a whole image.
        parameters["Objects"] = _objects(_body(environ, at_most=_DELETE_BYTES))
    return best.operation, parameters


@dataclass(frozen=True)
class _Route:
    """How to recognise one operation. Of two that match, the one with more requirements is meant.

    Attributes
    ----------
    required
        Triples of `querystring` or `header`, a name, and its value (empty: any value).
    """

    operation: str
    path: re.Pattern[str]
    required: frozenset[tuple[str, str, str]]

    def matches(self, environ: Mapping[str, Any], query: Mapping[str, str]) -> bool:
        for place, name, value in self.required:
            sent = query.get(name) if place == "querystring" else environ.get(_variable(name))
            if sent is None or value not in ("", sent):
                return False
        return True


def _variable(header: str) -> str:
    return f"HTTP_{header.replace('-', '_').upper()}"


@cache
def _routes(service: str) -> dict[str, list[_Route]]:
    """The operations of a service, by method."""
    model = botocore.session.get_session().get_service_model(service)
    routes: dict[str, list[_Route]] = {}
    for name in model.operation_names:
        operation = model.operation_model(name)
        if not operation.deprecated:
            routes.setdefault(operation.http["method"], []).append(_route(operation))
    return routes


@cache
def _subresources() -> frozenset[str]:
    """The names in S3's queries that select an operation."""
    model = botocore.session.get_session().get_service_model("s3")
    queries = [model.operation_model(name).http["requestUri"].partition("?")[2] for name in model.operation_names]
    return frozenset(name for query in queries for name, _ in parse_qsl(query, keep_blank_values=True))


def _route(operation: OperationModel) -> _Route:
    path, _, query = operation.http["requestUri"].partition("?")
    pattern = re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.sub(r"\\{(\w+)\\\+\\}", r"(?P<\1>.+)", re.escape(path)))
    required = {("querystring", name, value) for name, value in parse_qsl(query, keep_blank_values=True)}
    required |= set(_required_members(operation))
    return _Route(operation.name, re.compile(f"{pattern}/?"), frozenset(required))


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


def _body(environ: dict[str, Any], *, at_most: int | None = None) -> bytes:
    length = int(environ.get("CONTENT_LENGTH") or 0)
    if at_most is not None and length > at_most:
        return b""
    body: bytes = environ["wsgi.input"].read(length)
    environ["wsgi.input"] = io.BytesIO(body)
    return body


def _json(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body or b"{}")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _objects(body: bytes) -> list[dict[str, str]]:
    """The keys, and versions where they are given, of a DeleteObjects request."""
    try:
        root = ElementTree.fromstring(body)  # noqa: S314 expat refuses the expansion of entities without end
    except ElementTree.ParseError:
        return []
    entries = [entry for entry in root if entry.tag.rpartition("}")[2] == "Object"]
    return [{field.tag.rpartition("}")[2]: field.text or "" for field in entry} for entry in entries]
