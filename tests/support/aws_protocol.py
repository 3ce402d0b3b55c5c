"""How AWS's protocols name an operation in a request, and an error in a reply."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from urllib.parse import parse_qs, parse_qsl, urlsplit
from xml.sax.saxutils import escape

import botocore.session

_SCOPE = re.compile(r"Credential=[^/]+/\d{8}/[^/]+/([^/]+)/aws4_request")
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


Reply = tuple[int, dict[str, str], bytes]


@dataclass(frozen=True)
class AwsError:
    """An error as AWS returns it; `status` is HTTP's."""

    code: str
    message: str
    status: int = 400


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


#: Services whose name in a signature is not their name in botocore.
_NAMES = {"servicequotas": "service-quotas"}


@cache
def protocol_of(service: str) -> str:
    """A service's protocol, by the name in a request's signature: `ec2`, `query`, `json`, `rest-json` or `rest-xml`."""
    session = botocore.session.get_session()
    name = _NAMES.get(service, service)
    if name not in session.get_available_services():
        return "json"
    return str(session.get_service_model(name).metadata["protocol"])


def error_reply(service: str, error: AwsError) -> Reply:
    """An error in the service's own protocol: status, headers, body.

    Parameters
    ----------
    service
        As in a request's signature: `s3`, `batch`, `servicequotas`.
    """
    code, message, protocol = error.code, escape(error.message), protocol_of(service)
    if protocol == "rest-xml":
        body = f"<Error><Code>{code}</Code><Message>{message}</Message><RequestId>0</RequestId></Error>"
    elif protocol == "ec2":
        errors = f"<Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors>"
        body = f"<Response>{errors}<RequestID>0</RequestID></Response>"
    elif protocol == "query":
        kind = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>"
        body = f"<ErrorResponse>{kind}<RequestId>0</RequestId></ErrorResponse>"
    elif protocol == "rest-json":
        headers = {"Content-Type": "application/json", "x-amzn-ErrorType": code}
        return error.status, headers, json.dumps({"message": error.message}).encode()
    else:
        text = json.dumps({"__type": code, "message": error.message})
        return error.status, {"Content-Type": "application/x-amz-json-1.1"}, text.encode()
    xml = f'<?xml version="1.0" encoding="UTF-8"?>\n{body}'
    return error.status, {"Content-Type": "application/xml"}, xml.encode()


_THROTTLING = {
    "rest-xml": AwsError("SlowDown", "Please reduce your request rate.", 503),
    # https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html
    "ec2": AwsError("RequestLimitExceeded", "Request limit exceeded.", 503),
    "query": AwsError("Throttling", "Rate exceeded", 400),
    # https://github.com/Netflix/metaflow/issues/138
    "rest-json": AwsError("TooManyRequestsException", "Too Many Requests", 429),
    "json": AwsError("ThrottlingException", "Rate exceeded", 400),
}
_SERVER_ERRORS = {"rest-xml": ("InternalError", "ServiceUnavailable"), "ec2": ("InternalError", "Unavailable")}
_SERVER_MESSAGES = ("We encountered an internal error. Please try again.", "Service is unable to handle request.")


def throttling(service: str) -> AwsError:
    """What the service answers to too many requests."""
    return _THROTTLING[protocol_of(service)]


def server_error(service: str, status: int) -> AwsError:
    """A failure of the service itself: 500 or 503."""
    number = int(status == 503)
    codes = _SERVER_ERRORS.get(protocol_of(service), ("InternalFailure", "ServiceUnavailable"))
    return AwsError(codes[number], _SERVER_MESSAGES[number], status)
