"""How AWS's protocols name an operation in a request, and a fault in a reply."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from urllib.parse import parse_qs, parse_qsl, urlsplit

import botocore.session
from fault_plan import Fault

_SCOPE = re.compile(r"Credential=[^/]+/\d{8}/[^/]+/([^/]+)/aws4_request")
_MESSAGES = {
    "throttled": "Rate exceeded",
    500: "We encountered an internal error. Please try again.",
    503: "Service is unable to handle request.",
}
#: S3's operations by method, whether there is a key, and a query parameter; the first match counts.
_S3 = (
    ("GET", True, "uploadId", "ListParts"),
    ("GET", True, "tagging", "GetObjectTagging"),
    ("GET", True, "", "GetObject"),
    ("HEAD", True, "", "HeadObject"),
    ("PUT", True, "partNumber", "UploadPart"),
    ("PUT", True, "", "PutObject"),
    ("POST", True, "uploads", "CreateMultipartUpload"),
    ("POST", True, "uploadId", "CompleteMultipartUpload"),
    ("DELETE", True, "uploadId", "AbortMultipartUpload"),
    ("DELETE", True, "", "DeleteObject"),
    ("GET", False, "list-type", "ListObjectsV2"),
    ("GET", False, "versions", "ListObjectVersions"),
    ("GET", False, "uploads", "ListMultipartUploads"),
    ("GET", False, "location", "GetBucketLocation"),
    ("POST", False, "delete", "DeleteObjects"),
    ("HEAD", False, "", "HeadBucket"),
)


def service_of(headers: Mapping[str, str], target: str) -> str:
    """The service that a request is signed for. Only S3 takes unsigned requests."""
    if match := _SCOPE.search(headers.get("Authorization") or ""):
        return match[1]
    scope = parse_qs(urlsplit(target).query).get("X-Amz-Credential", ["////"])[0].split("/")
    return scope[3] if len(scope) == 5 and scope[3] else "s3"


def operation_of(service: str, *, method: str, target: str, headers: Mapping[str, str], form: bytes) -> str:
    """The operation's name in AWS's models; for rare operations of S3 the method and the resource."""
    parts = urlsplit(target)
    if (header := headers.get("X-Amz-Target")) is not None:
        return header.rpartition(".")[2]
    if form:
        return parse_qs(form.decode(errors="replace")).get("Action", ["?"])[0]
    if service == "s3":
        return _s3_operation(method, parts.path, parts.query, headers)
    return _paths(service).get((method, parts.path), f"{method} {parts.path}")


def _s3_operation(method: str, path: str, query: str, headers: Mapping[str, str]) -> str:
    parameters = {name for name, _ in parse_qsl(query, keep_blank_values=True)}
    bucket, _, key = path.lstrip("/").partition("/")
    if not bucket:
        return "ListBuckets"
    if method == "PUT" and "x-amz-copy-source" in headers:
        return "UploadPartCopy" if "partNumber" in parameters else "CopyObject"
    for known_method, has_key, parameter, operation in _S3:
        if (known_method, has_key) == (method, bool(key)) and (not parameter or parameter in parameters):
            return operation
    return " ".join(filter(None, (method, "object" if key else "bucket", min(parameters, default=""))))


@cache
def _paths(service: str) -> dict[tuple[str, str], str]:
    session = botocore.session.get_session()
    if service not in session.get_available_services():
        return {}
    model = session.get_service_model(service)
    operations = {name: model.operation_model(name).http for name in model.operation_names}
    return {(http["method"], http["requestUri"]): name for name, http in operations.items()}


@cache
def _protocol(service: str) -> str:
    session = botocore.session.get_session()
    if service not in session.get_available_services():
        return "json"
    return str(session.get_service_model(service).metadata["protocol"])


def reply(fault: Fault, service: str) -> tuple[int, dict[str, str], bytes]:
    """A fault as the service would answer it: status, headers, body.

    Parameters
    ----------
    fault
        Throttling, or a 500 or 503.
    service
        As in a request's signature: `s3`, `batch`, `logs`.
    """
    protocol = _protocol(service)
    if service == "s3":
        status, code, message = {
            None: (503, "SlowDown", "Please reduce your request rate."),
            500: (500, "InternalError", _MESSAGES[500]),
            503: (503, "ServiceUnavailable", _MESSAGES[503]),
        }[fault.status]
        return _xml(status, f"<Error><Code>{code}</Code><Message>{message}</Message><RequestId>0</RequestId></Error>")
    message = _MESSAGES[fault.status or "throttled"]
    if protocol == "ec2":
        code = {None: "RequestLimitExceeded", 500: "InternalError", 503: "Unavailable"}[fault.status]
        error = f"<Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors>"
        return _xml(fault.status or 503, f"<Response>{error}<RequestID>0</RequestID></Response>")
    code = {None: "Throttling", 500: "InternalFailure", 503: "ServiceUnavailable"}[fault.status]
    if protocol == "query":
        error = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>"
        return _xml(fault.status or 400, f"<ErrorResponse>{error}<RequestId>0</RequestId></ErrorResponse>")
    if protocol == "rest-json":
        code = "TooManyRequestsException" if fault.status is None else code
        body = json.dumps({"message": message}).encode()
        return fault.status or 429, {"Content-Type": "application/json", "x-amzn-ErrorType": code}, body
    code = "ThrottlingException" if fault.status is None else code
    body = json.dumps({"__type": code, "message": message}).encode()
    return fault.status or 400, {"Content-Type": "application/x-amz-json-1.1"}, body


def _xml(status: int, text: str) -> tuple[int, dict[str, str], bytes]:
    return status, {"Content-Type": "application/xml"}, f'<?xml version="1.0" encoding="UTF-8"?>\n{text}'.encode()
