"""Translates botocore's errors into the job's own: transient (another attempt may succeed) or refused."""

from __future__ import annotations

from boto3.exceptions import Boto3Error, S3UploadFailedError
from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

from m2g_job import causes
from m2g_job.faults import ConditionFailed, ConditionsUnsupported, Fact, S3Missing, S3Refused, TransientFault

#: Error codes of transient errors. A status of 500 or higher is transient whatever its code.
_TRANSIENT_CODES = {
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
    "RequestLimitExceeded",
    "RequestTimeout",
    "InternalError",
    "ServiceUnavailable",
    "BadDigest",
    "XAmzContentSHA256Mismatch",
    "IncompleteBody",
    # The role's temporary credentials are renewed before the next attempt; a clock that is off may be set by then.
    "ExpiredToken",
    "RequestTimeTooSkewed",
    # A reply to HEAD has no body, and so no code: with status 400 it may be expired credentials or a timeout.
    "400",
}
_MISSING_CODES = {"NoSuchKey", "404", "NotFound"}
#: ConditionalRequestConflict (409): another conditional write to the same key is running.
_CONDITION_CODES = {"PreconditionFailed", "412", "ConditionalRequestConflict"}


def translate(error: Exception, operation: str, uri: str) -> Exception:
    """Translate an error of botocore or boto3.

    Parameters
    ----------
    error
        The error.
    operation, uri
        The request, for the error message.

    Returns
    -------
    Exception
        `S3Missing`, `S3Refused`, `ConditionFailed` or `ConditionsUnsupported` by the error code of S3's reply;
        `TransientFault` for throttling, server errors and a reply that did not arrive; `error` itself where it is none
        of these.
    """
    if isinstance(error, S3UploadFailedError) and isinstance(error.__context__, ClientError):
        error = error.__context__
    if isinstance(error, ClientError):
        return _translate_reply(error, operation, uri)
    if isinstance(error, ParamValidationError):
        return S3Refused(f"{operation} {uri}: {error}", causes.S3_REFUSED, operation=operation, file=uri)
    # The others are failures to reach S3: connections, timeouts, broken bodies, and the endpoint that gives the role's
    # credentials, which is throttled where many containers start at once.
    if isinstance(error, (BotoCoreError, Boto3Error, ConnectionError)):
        return TransientFault(
            f"S3 did not answer {operation} {uri}: {type(error).__name__}: {error}",
            causes.S3_UNAVAILABLE,
            operation=operation,
            file=uri,
        )
    return error


def _translate_reply(error: ClientError, operation: str, uri: str) -> Exception:
    code = str(error.response.get("Error", {}).get("Code", ""))
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    facts: dict[str, Fact] = {"operation": operation, "file": uri, "s3_code": code, "http_status": status}
    message = f"S3 answered {operation} {uri} with {code or 'no code'} ({status})"
    if code in _CONDITION_CODES:
        return ConditionFailed(message)
    if code == "NotImplemented" or status == 501:
        return ConditionsUnsupported(message)
    if code in _TRANSIENT_CODES or status >= 500:
        return TransientFault(message, causes.S3_UNAVAILABLE, **facts)
    if code in _MISSING_CODES:
        return S3Missing(message, causes.S3_REFUSED, **facts)
    if code == "NoSuchBucket":
        return S3Refused(message, causes.BUCKET_MISSING, **facts)
    # A reply to HEAD has no code, so the status decides.
    return S3Refused(message, causes.S3_DENIED if status == 403 else causes.S3_REFUSED, **facts)
