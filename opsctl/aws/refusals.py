"""What AWS refuses, by its code: one sentence and one thing to do.

Codes and facts of the reply decide, never AWS's prose, which changes; out of it come only the action and the resource
of a refused permission, which AWS writes nowhere else.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from botocore.exceptions import ClientError

from opsctl.core.errors import Problem

LOGIN_AGAIN = "Log in again (`aws sso login`, or `aws configure`), then type the same command."
CREATE_LOGIN = (
    "Log in (`aws configure`, or `aws sso login` with --profile), or try it all here with `opsctl up --local`."
)

#: Refused before anything was done, so that even what must not be done twice may be asked again.
THROTTLED = {
    *("Throttling", "ThrottlingException", "ThrottledException", "RequestThrottled", "RequestThrottledException"),
    *(
        "TooManyRequestsException",
        "RequestLimitExceeded",
        "BandwidthLimitExceeded",
        "SlowDown",
        "EC2ThrottledException",
    ),
    *("ProvisionedThroughputExceededException", "PriorRequestNotComplete", "429"),
}
DENIED = {
    *("AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "UnauthorizedAccess", "UnauthorizedException"),
    *("AllAccessDisabled", "NotAuthorized", "AuthorizationError", "Forbidden", "ForbiddenException", "403"),
}
_EXPIRED = {"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "ExpiredTokenId"}
_UNKNOWN_KEY = {
    *("InvalidClientTokenId", "UnrecognizedClientException", "InvalidAccessKeyId", "AuthFailure", "InvalidToken"),
    *("MissingAuthenticationToken", "MissingAuthenticationTokenException", "401"),
}
#: A wrong secret key and a wrong clock give the same codes; the reply's own date tells which it is.
_SIGNATURE = {"SignatureDoesNotMatch", "InvalidSignatureException", "InvalidSignature", "IncompleteSignature"}
_CLOCK = {"RequestTimeTooSkewed", "RequestInTheFuture"}
_ACCOUNT = {
    *("OptInRequired", "SubscriptionRequiredException", "PendingVerification", "AccountProblem", "InvalidPayer"),
    *("NotSignedUp", "Blocked", "AccountSuspended", "AccountNotFoundException"),
}
_BUCKET = {"NoSuchBucket"}
_REGION = {
    *("PermanentRedirect", "TemporaryRedirect", "Redirect", "301", "307", "IllegalLocationConstraintException"),
    *("AuthorizationHeaderMalformed", "IncorrectEndpoint"),
}
_GONE = {
    *("NoSuchKey", "NotFound", "404", "410", "NoSuchEntity", "NoSuchVersion", "NoSuchUpload", "ParameterNotFound"),
    *("ResourceNotFoundException", "NotFoundException", "RepositoryNotFoundException", "ImageNotFoundException"),
}
_QUOTA = {
    *("LimitExceeded", "LimitExceededException", "ServiceQuotaExceededException", "QuotaExceeded", "TooManyBuckets"),
    *("VcpuLimitExceeded", "InstanceLimitExceeded", "MaxSpotInstanceCountExceeded", "VpcLimitExceeded"),
    *("AddressLimitExceeded", "SecurityGroupLimitExceeded", "RulesPerSecurityGroupLimitExceeded"),
    *("ParameterLimitExceeded", "LimitsExceededException", "ResourceLimitExceeded"),
}
_UNAVAILABLE = {
    *("InternalError", "InternalFailure", "InternalServerError", "InternalServerException", "ServerException"),
    *("ServiceUnavailable", "ServiceUnavailableException", "Unavailable", "500", "502", "503", "504"),
    *("RequestTimeout", "RequestTimeoutException", "OperationAborted"),
}
_BUSY_KEY = {"KMSThrottlingException", "KMS.ThrottlingException"}
_SERVER_FAULT = 500

_SKEW_SECONDS = 240.0

_ACTION = re.compile(r"not authorized to perform: ([\w-]+:\w+)(?: on resource: \"?([^\s\"]+)\"?)?")
#: IAM's names of what S3 answers without a word (HEAD has no body), where they are not the operation's own.
_S3_ACTIONS = {
    **dict.fromkeys(("HeadBucket", "ListObjects", "ListObjectsV2"), "s3:ListBucket"),
    "HeadObject": "s3:GetObject",
}

Refused = Callable[["_Refusal"], Problem]


class _Refusal:
    """A reply that refuses, its facts taken out."""

    def __init__(self, error: ClientError, what: str) -> None:
        reply: Any = error.response
        self.error = reply.get("Error", {})
        self.code = code_of(error)
        self.operation = error.operation_name
        self.what = what
        self.message = _one_line(str(self.error.get("Message") or "")).rstrip(".")
        metadata = reply.get("ResponseMetadata", {})
        self.status = int(metadata.get("HTTPStatusCode", 0))
        self.tries = int(metadata.get("RetryAttempts", 0)) + 1
        self.headers = metadata.get("HTTPHeaders", {})

    @property
    def said(self) -> str:
        """AWS's words, after a colon."""
        return f": {self.message}" if self.message else ""

    @property
    def skew_seconds(self) -> float:
        """How far this machine's clock is ahead of AWS's; 0 where AWS does not tell its time."""
        return skew_of(self.headers.get("date", ""), now=datetime.now(UTC)) or 0.0


def code_of(error: ClientError) -> str:
    """AWS's error code."""
    return str(error.response.get("Error", {}).get("Code", ""))


def skew_of(date: str, *, now: datetime) -> float | None:
    """How many seconds `now` is ahead of a reply's `Date` header; None where it has none."""
    try:
        return (now - parsedate_to_datetime(date).astimezone(UTC)).total_seconds()
    except (ValueError, TypeError):
        return None


def refusal(error: ClientError, what: str) -> Problem:
    """An error of AWS's as a sentence with its mend.

    Parameters
    ----------
    what
        What was being done, to be read after "while".
    """
    found = _Refusal(error, what)
    if found.code.startswith("KMS") and found.code not in _BUSY_KEY:
        return _encryption(found)
    for codes, told in _TOLD:
        if found.code in codes:
            return told(found)
    if found.status >= _SERVER_FAULT:
        return _unavailable(found)
    return Problem(
        f"AWS refused {found.operation} while {what}: {found.message or found.code} ({found.code}).",
        "`opsctl doctor` looks for what is wrong.",
    )


def _expired(_: _Refusal) -> Problem:
    return Problem("The AWS login has expired.", LOGIN_AGAIN)


def _unknown_key(_: _Refusal) -> Problem:
    return Problem("AWS does not know these credentials.", LOGIN_AGAIN)


def _clock(found: _Refusal) -> Problem:
    seconds = found.skew_seconds
    how = f"is {abs(seconds):.0f} s {'ahead of' if seconds > 0 else 'behind'}" if abs(seconds) >= 1 else "differs from"
    return Problem(f"This machine's clock {how} AWS's.", "Set the clock.")


def _signature(found: _Refusal) -> Problem:
    return _clock(found) if abs(found.skew_seconds) > _SKEW_SECONDS else _unknown_key(found)


def _too_late(found: _Refusal) -> Problem:
    return _clock(found) if abs(found.skew_seconds) > _SKEW_SECONDS else _expired(found)


def _account(found: _Refusal) -> Problem:
    return Problem(
        f"This AWS account is not ready for {found.operation}{found.said} ({found.code}).",
        "Open the AWS console with this account: it says what is missing (payment, verification, the region).",
    )


def _denied(found: _Refusal) -> Problem:
    match = _ACTION.search(found.message)
    if match:
        action, resource = match.groups()
    else:
        action, resource = _S3_ACTIONS.get(found.operation, found.operation), None
    on = f" on {resource.rstrip('.')}" if resource and resource != "*" else ""
    said = "" if match else found.said
    return Problem(
        f"AWS does not permit {action}{on} while {found.what}{said}.",
        f"Ask the account's administrator for this permission{f' ({action})' if ':' in action else ''}.",
    )


def _encryption(found: _Refusal) -> Problem:
    return Problem(
        f"The data's encryption key (KMS) cannot be used while {found.what}{found.said} ({found.code}).",
        "Ask whoever keeps the bucket's KMS key to enable it for you.",
    )


def _throttled(found: _Refusal) -> Problem:
    return Problem(f"AWS asks to slow down ({found.operation}) while {found.what}.", "Wait a minute and type it again.")


def _no_bucket(found: _Refusal) -> Problem:
    bucket = found.error.get("BucketName", "")
    return Problem(f"The bucket {bucket} does not exist.".replace("  ", " "), "Is its name right?")


def _region(found: _Refusal) -> Problem:
    region = found.error.get("Region") or found.headers.get("x-amz-bucket-region", "")
    if region:
        return Problem(f"The bucket lies in another region: {region}.", f"Name it with --region {region}.")
    return Problem(f"The bucket lies in another region ({found.message}).", "Name its region with --region.")


def _gone(found: _Refusal) -> Problem:
    return Problem(
        f"What {found.operation} asked for is not there while {found.what}{found.said}.",
        "Was it removed, or is the region another? `opsctl doctor` looks at the platform.",
    )


def _quota(found: _Refusal) -> Problem:
    return Problem(
        f"A quota of this AWS account is used up ({found.operation}){found.said}.",
        "Ask AWS for more in its console (Service Quotas), or remove what is not needed.",
    )


def _unavailable(found: _Refusal) -> Problem:
    times = f", {found.tries} times" if found.tries > 1 else ""
    return Problem(
        f"AWS failed to answer {found.operation}{times} while {found.what} ({found.code}).",
        "Wait some minutes and type it again; https://health.aws.amazon.com tells of outages.",
    )


_TOLD: tuple[tuple[set[str], Refused], ...] = (
    (_EXPIRED, _expired),
    ({"RequestExpired"}, _too_late),
    (_UNKNOWN_KEY, _unknown_key),
    (_SIGNATURE, _signature),
    (_CLOCK, _clock),
    (_ACCOUNT, _account),
    (DENIED, _denied),
    (THROTTLED | _BUSY_KEY, _throttled),
    (_BUCKET, _no_bucket),
    (_REGION, _region),
    (_GONE, _gone),
    (_QUOTA, _quota),
    (_UNAVAILABLE, _unavailable),
)


def _one_line(text: str) -> str:
    return " ".join("".join(one if one.isprintable() else " " for one in text).split())
