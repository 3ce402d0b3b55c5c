"""Translates the errors that AWS returns into one sentence and one thing to do.

The error code and the reply's metadata decide, never AWS's message, which may change. Only the action and the resource
of a denied permission are taken from the message: AWS writes them nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from botocore.exceptions import ClientError

from opsctl.core.denial import DeniedAction, denied_action
from opsctl.core.errors import ErrorCode, Problem

LOGIN_AGAIN = "Log in again (`aws sso login`, or `aws configure`), then type the same command."
CREATE_LOGIN = (
    "Log in (`aws configure`, or `aws sso login` with --profile), or try it all here with `opsctl up --local`."
)

#: AWS refused before it did anything, so even a call that must not be carried out twice may be repeated.
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
#: The caller lacks a permission.
DENIED = {
    *("AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "UnauthorizedAccess", "UnauthorizedException"),
    *("AllAccessDisabled", "NotAuthorized", "AuthorizationError", "Forbidden", "ForbiddenException", "403"),
}
_EXPIRED = {"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "ExpiredTokenId"}
_UNKNOWN_KEY = {
    *("InvalidClientTokenId", "UnrecognizedClientException", "InvalidAccessKeyId", "AuthFailure", "InvalidToken"),
    *("MissingAuthenticationToken", "MissingAuthenticationTokenException", "401"),
}
#: A wrong secret key and a wrong clock give the same codes; the reply's Date header tells them apart.
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
_SERVER_ERROR = 500

_SKEW_SECONDS = 240.0

#: The IAM actions of operations whose name differs, for S3's replies without a message (HEAD has no body).
_S3_ACTIONS = {
    **dict.fromkeys(("HeadBucket", "ListObjects", "ListObjectsV2"), "s3:ListBucket"),
    "HeadObject": "s3:GetObject",
}

Translate = Callable[["_Refusal"], Problem]


class _Refusal:
    """The parts of an error reply that the translation needs."""

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
    def detail(self) -> str:
        """AWS's message after a colon; empty if it has none."""
        return f": {self.message}" if self.message else ""

    @property
    def skew_seconds(self) -> float:
        """How far this machine's clock is ahead of AWS's; 0 where the reply has no date."""
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
    """Translate an error of AWS into a sentence with its hint.

    Parameters
    ----------
    what
        What was being done, to follow "while".
    """
    reply = _Refusal(error, what)
    if reply.code.startswith("KMS") and reply.code not in _BUSY_KEY:
        return _encryption(reply)
    for codes, translate in _TRANSLATIONS:
        if reply.code in codes:
            return translate(reply)
    if reply.status >= _SERVER_ERROR:
        return _unavailable(reply)
    return Problem(
        f"AWS refused {reply.operation} while {what}: {reply.message or reply.code} ({reply.code}).",
        "`opsctl doctor` looks for what is wrong.",
        code=ErrorCode.AWS_REFUSED,
    )


def _expired(_: _Refusal) -> Problem:
    return Problem("The AWS login has expired.", LOGIN_AGAIN, code=ErrorCode.CREDENTIALS_EXPIRED)


def _unknown_key(_: _Refusal) -> Problem:
    return Problem("AWS does not know these credentials.", LOGIN_AGAIN, code=ErrorCode.CREDENTIALS_INVALID)


def _clock(reply: _Refusal) -> Problem:
    seconds = reply.skew_seconds
    difference = (
        f"is {abs(seconds):.0f} s {'ahead of' if seconds > 0 else 'behind'}" if abs(seconds) >= 1 else "differs from"
    )
    return Problem(f"This machine's clock {difference} AWS's.", "Set the clock.", code=ErrorCode.AWS_REFUSED)


def _signature(reply: _Refusal) -> Problem:
    return _clock(reply) if abs(reply.skew_seconds) > _SKEW_SECONDS else _unknown_key(reply)


def _too_late(reply: _Refusal) -> Problem:
    return _clock(reply) if abs(reply.skew_seconds) > _SKEW_SECONDS else _expired(reply)


def _account(reply: _Refusal) -> Problem:
    return Problem(
        f"This AWS account is not ready for {reply.operation}{reply.detail} ({reply.code}).",
        "Open the AWS console with this account: it says what is missing (payment, verification, the region).",
        code=ErrorCode.AWS_REFUSED,
    )


def _denied(reply: _Refusal) -> Problem:
    named = denied_action(reply.message)
    permission = named or DeniedAction(_S3_ACTIONS.get(reply.operation, reply.operation))
    detail = "" if named else reply.detail
    action = permission.action
    return Problem(
        f"AWS does not permit {permission.words} while {reply.what}{detail}.",
        f"Ask the account's administrator for this permission{f' ({action})' if ':' in action else ''}.",
        code=ErrorCode.AWS_DENIED,
    )


def _encryption(reply: _Refusal) -> Problem:
    return Problem(
        f"The data's encryption key (KMS) cannot be used while {reply.what}{reply.detail} ({reply.code}).",
        "Ask whoever keeps the bucket's KMS key to enable it for you.",
        code=ErrorCode.AWS_DENIED,
    )


def _throttled(reply: _Refusal) -> Problem:
    return Problem(
        f"AWS asks to slow down ({reply.operation}) while {reply.what}.",
        "Wait a minute and type it again.",
        code=ErrorCode.AWS_THROTTLED,
    )


def _no_bucket(reply: _Refusal) -> Problem:
    bucket = reply.error.get("BucketName", "")
    return Problem(
        f"The bucket {bucket} does not exist.".replace("  ", " "), "Is its name right?", code=ErrorCode.BUCKET_NOT_FOUND
    )


def _region(reply: _Refusal) -> Problem:
    region = reply.error.get("Region") or reply.headers.get("x-amz-bucket-region", "")
    if region:
        return Problem(
            f"The bucket lies in another region: {region}.",
            f"Name it with --region {region}.",
            code=ErrorCode.BUCKET_UNUSABLE,
        )
    return Problem(
        f"The bucket lies in another region ({reply.message}).",
        "Name its region with --region.",
        code=ErrorCode.BUCKET_UNUSABLE,
    )


def _gone(reply: _Refusal) -> Problem:
    return Problem(
        f"What {reply.operation} asked for is not there while {reply.what}{reply.detail}.",
        "Was it removed, or is the region another? `opsctl doctor` looks at the platform.",
        code=ErrorCode.AWS_NOT_FOUND,
    )


def _quota(reply: _Refusal) -> Problem:
    return Problem(
        f"A quota of this AWS account is used up ({reply.operation}){reply.detail}.",
        "Ask AWS for more in its console (Service Quotas), or remove what is not needed.",
        code=ErrorCode.AWS_QUOTA_REACHED,
    )


def _unavailable(reply: _Refusal) -> Problem:
    times = f", {reply.tries} times" if reply.tries > 1 else ""
    return Problem(
        f"AWS failed to answer {reply.operation}{times} while {reply.what} ({reply.code}).",
        "Wait some minutes and type it again; https://health.aws.amazon.com tells of outages.",
        code=ErrorCode.AWS_UNREACHABLE,
    )


_TRANSLATIONS: tuple[tuple[set[str], Translate], ...] = (
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
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
