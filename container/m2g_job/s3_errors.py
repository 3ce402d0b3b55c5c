"""botocore's errors as the job's own: passing (another attempt may succeed) or refused."""

from __future__ import annotations

from boto3.exceptions import Boto3Error, S3UploadFailedError
from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

from m2g_job.faults import ConditionFailed, ConditionsUnsupported, PassingFault, S3Missing, S3Refused

#: Answers that mean "not now", by code. An answer of 500 and up is one whatever its code.
_PASSING_CODES = {
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
    # The role's short-lived credentials, renewed by the time of the next attempt; and a clock that is being set.
    "ExpiredToken",
    "RequestTimeTooSkewed",
    # A HEAD's answer has no body, and so no code: of what S3 answers with 400, credentials and time-outs pass.
    "400",
}
_MISSING_CODES = {"NoSuchKey", "404", "NotFound"}
#: 409: another conditional write to the same key is under way. A 404 answers If-Match where nothing stands.
_CONDITION_CODES = {"PreconditionFailed", "412", "ConditionalRequestConflict"}


def translated(error: Exception, operation: str, uri: str) -> Exception:
    """The job's own error for one of botocore's.

    Parameters
    ----------
    error
        What botocore or boto3 raised.
    operation, uri
        What was asked, for the cause in words.

    Returns
    -------
    Exception
        `S3Missing`, `S3Refused`, `ConditionFailed` or `ConditionsUnsupported` by the code of S3's answer;
        `PassingFault` for throttling, server errors and everything that stopped an answer from arriving; `error`
        itself where it is none of these.
    """
    if isinstance(error, S3UploadFailedError) and isinstance(error.__context__, ClientError):
        error = error.__context__
    if isinstance(error, ClientError):
        return _answered(error, operation, uri)
    if isinstance(error, ParamValidationError):
        return S3Refused(f"{operation} {uri}: {error}")
    # The rest is about reaching S3: connections, time-outs, broken bodies, the endpoint that lends the role's
    # credentials (throttled where many containers start at once).
    if isinstance(error, (BotoCoreError, Boto3Error, ConnectionError)):
        return PassingFault(f"S3 did not answer {operation} {uri}: {type(error).__name__}: {error}")
    return error


def _answered(error: ClientError, operation: str, uri: str) -> Exception:
    code = str(error.response.get("Error", {}).get("Code", ""))
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    words = f"S3 answered {operation} {uri} with {code or 'no code'} ({status})"
    if code in _CONDITION_CODES:
        return ConditionFailed(words)
    if code == "NotImplemented" or status == 501:
        return ConditionsUnsupported(words)
    if code in _PASSING_CODES or status >= 500:
        return PassingFault(words)
    if code in _MISSING_CODES:
        return S3Missing(words)
    return S3Refused(words)
