"""A refusal in the words and the protocol of the service that was called."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from xml.sax.saxutils import escape

#: Code and HTTP status of a call that no policy allows. JSON's services answer 400, Batch (REST) answers 403.
_DENIED = {"s3": ("AccessDenied", 403), "ec2": ("UnauthorizedOperation", 403), "batch": ("AccessDeniedException", 403)}
#: Code, HTTP status and message of a key that nobody has given out.
_UNKNOWN_KEY = {
    "s3": ("InvalidAccessKeyId", 403, "The AWS Access Key Id you provided does not exist in our records."),
    "ec2": ("AuthFailure", 401, "AWS was not able to validate the provided access credentials"),
}
_WRONG_TOKEN = {"s3": ("InvalidToken", 400, "The provided token is malformed or otherwise invalid.")}
_SKEWED_S3 = "The difference between the request time and the current time is too large."
_INVALID_KEY = "The security token included in the request is invalid."


@dataclass(frozen=True)
class Refusal:
    """An error of AWS's.

    Attributes
    ----------
    status
        The HTTP status.
    details
        More elements of S3's XML.
    """

    service: str
    code: str
    status: int
    message: str
    details: Mapping[str, str] = field(default_factory=dict)


def denied(service: str, environ: dict[str, Any], message: str) -> Refusal:
    """A call that no policy allows."""
    other = ("AccessDeniedException", 400) if _is_json(environ) else ("AccessDenied", 403)
    code, status = _DENIED.get(service, other)
    prefix = "You are not authorized to perform this operation. " if service == "ec2" else ""
    return Refusal(service, code, status, prefix + message)


def dry_run() -> Refusal:
    """A call of EC2's that would have been carried out without `DryRun`."""
    return Refusal("ec2", "DryRunOperation", 412, "Request would have succeeded, but DryRun flag is set.")


def unknown_key(service: str, environ: dict[str, Any]) -> Refusal:
    """A call with a key that does not exist, or exists no longer."""
    other = ("UnrecognizedClientException", 400) if _is_json(environ) else ("InvalidClientTokenId", 403)
    if service == "batch":
        other = ("UnrecognizedClientException", 403)
    code, status, message = _UNKNOWN_KEY.get(service, (*other, _INVALID_KEY))
    return Refusal(service, code, status, message)


def unsigned(environ: dict[str, Any]) -> Refusal:
    """A call without a key."""
    if _is_json(environ):
        missing = "Request is missing Authentication Token"
        return Refusal("", "MissingAuthenticationTokenException", 400, missing)
    return Refusal("s3", "AccessDenied", 403, "Access Denied")


def wrong_token(service: str, environ: dict[str, Any]) -> Refusal:
    """A call with a session's key and another session's token."""
    if service in _WRONG_TOKEN:
        return Refusal(service, *_WRONG_TOKEN[service])
    return unknown_key(service, environ)


def old_signature() -> Refusal:
    """A call whose signature is not of version 4, which buckets made since June 2020 ask for."""
    mechanism = "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256."
    return Refusal("s3", "InvalidRequest", 400, mechanism)


def skewed(service: str, environ: dict[str, Any], message: str, details: Mapping[str, str] | None = None) -> Refusal:
    """A call that was signed too long ago, or too far in the future.

    Parameters
    ----------
    message, details
        The message of services other than S3 and EC2, which have their own; S3's details.
    """
    if service == "s3":
        return Refusal(service, "RequestTimeTooSkewed", 403, _SKEWED_S3, details or {})
    if service == "ec2":
        return Refusal(service, *_UNKNOWN_KEY[service])
    if service == "batch":
        return Refusal(service, "InvalidSignatureException", 403, message)
    code, status = ("InvalidSignatureException", 400) if _is_json(environ) else ("SignatureDoesNotMatch", 403)
    return Refusal(service, code, status, message)


def undated(service: str, environ: dict[str, Any]) -> Refusal:
    """A call that does not tell when it was signed."""
    if service == "s3":
        return Refusal(service, "AccessDenied", 403, "AWS authentication requires a valid Date or x-amz-date header")
    code = "IncompleteSignatureException" if service == "batch" or _is_json(environ) else "IncompleteSignature"
    message = "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header."
    return Refusal(service, code, 403 if service == "batch" else 400, message)


def expired_url(details: Mapping[str, str]) -> Refusal:
    """A presigned URL after its time."""
    return Refusal("s3", "AccessDenied", 403, "Request has expired", details)


def early_url(details: Mapping[str, str]) -> Refusal:
    """A presigned URL before its time."""
    return Refusal("s3", "AccessDenied", 403, "Request is not yet valid", details)


def bad_expiry() -> Refusal:
    """A presigned URL that is good for no time, or for too long."""
    message = "X-Amz-Expires must be a number of seconds, at most a week (604800)"
    return Refusal("s3", "AuthorizationQueryParametersError", 400, message)


def too_large(service: str) -> Refusal:
    """A body that is longer than the service takes."""
    if service == "s3":
        return Refusal(service, "EntityTooLarge", 400, "Your proposed upload exceeds the maximum allowed size")
    return Refusal(service, "RequestEntityTooLarge", 413, "The request is longer than the service takes.")


def incomplete_body(service: str) -> Refusal:
    """A body that ends before its announced end, or whose chunks cannot be read."""
    message = "You did not provide the number of bytes specified by the Content-Length HTTP header"
    return Refusal(service or "s3", "IncompleteBody", 400, message)


def missing_bucket() -> Refusal:
    """A call of S3 about a bucket that does not exist. S3 answers so before it looks at permissions."""
    return Refusal("s3", "NoSuchBucket", 404, "The specified bucket does not exist")


def body_of(refusal: Refusal, environ: dict[str, Any]) -> tuple[list[tuple[str, str]], bytes]:
    """Return the headers and the body of a refusal, in the protocol of its service.

    Parameters
    ----------
    environ
        The refused request.
    """
    request = secrets.token_hex(8)
    fields = f"<Code>{refusal.code}</Code><Message>{escape(refusal.message)}</Message>"
    headers = [("Content-Type", "text/xml"), ("x-amzn-RequestId", request)]
    if refusal.service == "s3":
        headers[0] = ("Content-Type", "application/xml")
        fields += "".join(f"<{name}>{escape(value)}</{name}>" for name, value in refusal.details.items())
        text = f"<Error>{fields}<RequestId>{request}</RequestId><HostId>{request}</HostId></Error>"
    elif refusal.service == "ec2":
        text = f"<Response><Errors><Error>{fields}</Error></Errors><RequestID>{request}</RequestID></Response>"
    elif refusal.service == "batch" or _is_json(environ):
        headers = [("Content-Type", "application/x-amz-json-1.1"), ("x-amzn-ErrorType", refusal.code), headers[1]]
        # `message` in Batch, ECS and ECR, `Message` in SSM: the SDKs read both.
        text = json.dumps({"__type": refusal.code, "message": refusal.message})
    else:
        error = f"<Error><Type>Sender</Type>{fields}</Error>"
        text = f"<ErrorResponse>{error}<RequestId>{request}</RequestId></ErrorResponse>"
    body = b"" if environ["REQUEST_METHOD"] == "HEAD" else text.encode()
    return [*headers, ("Content-Length", str(len(body)))], body


def _is_json(environ: dict[str, Any]) -> bool:
    return "HTTP_X_AMZ_TARGET" in environ
