"""One sentence and one thing to do for each error code of AWS.

The code and the reply's metadata decide, never AWS's message, which may change. Only what AWS writes nowhere else is
taken from the message: the denied permission, and the kind of policy that denies it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from opsctl.core.denial import DeniedAction, denied_action
from opsctl.core.errors import ErrorCode, Problem
from opsctl.core.wrong_clock import WRONG_FOR_S3_SECONDS, WRONG_SECONDS, wrong_clock

LOGIN_AGAIN = "Log in again (`aws sso login`, or `aws configure`), then type the same command."

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
    *("InvalidClientTokenId", "UnrecognizedClientException", "InvalidAccessKeyId", "InvalidToken"),
    *("MissingAuthenticationToken", "MissingAuthenticationTokenException", "401"),
}
#: A wrong secret key and a wrong clock give the same codes; the reply's Date header tells them apart.
_SIGNATURE = {
    *("SignatureDoesNotMatch", "InvalidSignatureException", "InvalidSignature", "IncompleteSignature", "AuthFailure"),
}
_CLOCK = {"RequestTimeTooSkewed", "RequestInTheFuture"}
_VERIFICATION = {"PendingVerification"}
_ACCOUNT = {
    *("OptInRequired", "SubscriptionRequiredException", "AccountProblem", "InvalidPayer"),
    *("NotSignedUp", "Blocked", "AccountSuspended", "AccountNotFoundException"),
}
_BUCKET = {"NoSuchBucket"}
_TAKEN_BUCKET = {"BucketAlreadyExists"}
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
    *("RequestTimeout", "RequestTimeoutException"),
}
#: AWS still carries out another change of the same resource.
_CONFLICT = {
    *("OperationAborted", "TooManyUpdates", "ConcurrentModification", "ConcurrentModificationException"),
}
_BUSY_KEY = {"KMSThrottlingException", "KMS.ThrottlingException"}
_SERVER_ERROR = 500

#: S3 has no code for a full disk: the local platform fails as S3 does, and says why in this header.
DISK_FULL_HEADER = "x-opsctl-disk-full"

#: The local platform's `Server` header: its failures are not AWS's.
LOCAL_SERVER = "opsctl"

_CALL_DETAILS = re.compile(r" \(Service: [^()]*\)\.?$")

#: The IAM actions of operations whose name differs, for S3's replies without a message (HEAD has no body).
_S3_ACTIONS = {
    **dict.fromkeys(("HeadBucket", "ListObjects", "ListObjectsV2"), "s3:ListBucket"),
    "HeadObject": "s3:GetObject",
}


class AwsRefusal(NamedTuple):
    """An error that AWS returned.

    Attributes
    ----------
    code
        AWS's, such as `AccessDeniedException`.
    message
        On one line, without a full stop at its end; may be empty.
    operation
        As in AWS's models: `CreateRole`.
    what
        What was being done, to follow "while".
    status
        HTTP's; 0 where it is not known.
    tries
        How often AWS was asked.
    bucket, region
        The bucket that AWS names, and the region where it is; may be empty.
    skew_seconds
        How far this machine's clock is ahead of AWS's; 0 where the reply has no date.
    is_local
        Whether it is the local platform's answer.
    is_disk_full
        Whether it is the local platform's answer, whose disk is full.
    """

    code: str
    message: str
    operation: str
    what: str
    status: int = 0
    tries: int = 1
    bucket: str = ""
    region: str = ""
    skew_seconds: float = 0.0
    is_local: bool = False
    is_disk_full: bool = False

    @property
    def detail(self) -> str:
        """AWS's message after a colon; empty if it has none."""
        return f": {self.message}" if self.message else ""

    @property
    def is_denial(self) -> bool:
        """Whether a permission was missing."""
        return self.code in DENIED

    @property
    def denied(self) -> DeniedAction:
        """The permission that was missing."""
        return denied_action(self.message) or DeniedAction(_S3_ACTIONS.get(self.operation, self.operation))


Translate = Callable[[AwsRefusal], Problem]


def explain(refusal: AwsRefusal) -> Problem:
    """Translate an error of AWS into a sentence with its hint."""
    if refusal.is_disk_full:
        return _disk_full(refusal)
    if refusal.code.startswith("KMS") and refusal.code not in _BUSY_KEY:
        return _encryption(refusal)
    if refusal.code == "403" and abs(refusal.skew_seconds) > WRONG_FOR_S3_SECONDS:
        return _clock(refusal)
    for codes, translate in _TRANSLATIONS:
        if refusal.code in codes:
            return translate(refusal)
    if refusal.status >= _SERVER_ERROR:
        return _unavailable(refusal)
    return Problem(
        f"AWS refused {refusal.operation} while {refusal.what}: {refusal.message or refusal.code} ({refusal.code}).",
        "`opsctl doctor` looks for what is wrong.",
        code=ErrorCode.AWS_REFUSED,
    )


def plain_reason(reason: str) -> str:
    """A status reason of Batch's without its class of error and the details of the call that failed."""
    return _CALL_DETAILS.sub("", reason.removeprefix("CLIENT_ERROR - ")).rstrip(".")


def _expired(_: AwsRefusal) -> Problem:
    return Problem("The AWS login has expired.", LOGIN_AGAIN, code=ErrorCode.CREDENTIALS_EXPIRED)


def _unknown_key(_: AwsRefusal) -> Problem:
    return Problem("AWS does not know these credentials.", LOGIN_AGAIN, code=ErrorCode.CREDENTIALS_INVALID)


def _clock(refusal: AwsRefusal) -> Problem:
    return wrong_clock(refusal.skew_seconds)


def _signature(refusal: AwsRefusal) -> Problem:
    return _clock(refusal) if abs(refusal.skew_seconds) > WRONG_SECONDS else _unknown_key(refusal)


def _too_late(refusal: AwsRefusal) -> Problem:
    return _clock(refusal) if abs(refusal.skew_seconds) > WRONG_SECONDS else _expired(refusal)


def _account(refusal: AwsRefusal) -> Problem:
    return Problem(
        f"This AWS account is not ready for {refusal.operation}{refusal.detail} ({refusal.code}).",
        "Open the AWS console with this account: it says what is missing (payment, verification, the region).",
        code=ErrorCode.AWS_REFUSED,
    )


def _verification(refusal: AwsRefusal) -> Problem:
    return Problem(
        f"AWS still verifies this account, and {refusal.operation} has to wait for that ({refusal.code}).",
        "Wait until AWS has sent its email (minutes, at most four hours), then type the same command.",
        code=ErrorCode.AWS_REFUSED,
    )


def _denied(refusal: AwsRefusal) -> Problem:
    permission = refusal.denied
    names_it = denied_action(refusal.message) is not None
    by = f": {permission.denied_by} denies it" if permission.denied_by else "" if names_it else refusal.detail
    action = f" ({permission.action})" if ":" in permission.action else ""
    if permission.is_of_the_organisation:
        hint = f"Nobody in this account can allow it{action}: ask who manages your AWS organisation."
    elif permission.action.startswith("kms:"):
        hint = f"Ask whoever keeps this KMS key for the permission{action}: the key's own policy has to allow it too."
    else:
        hint = f"Ask the account's administrator for this permission{action}."
    return Problem(f"AWS does not permit {permission.words} while {refusal.what}{by}.", hint, code=ErrorCode.AWS_DENIED)


def _encryption(refusal: AwsRefusal) -> Problem:
    return Problem(
        f"The data's encryption key (KMS) cannot be used while {refusal.what}{refusal.detail} ({refusal.code}).",
        "Ask whoever keeps the bucket's KMS key to enable it for you.",
        code=ErrorCode.AWS_DENIED,
    )


def _throttled(refusal: AwsRefusal) -> Problem:
    return Problem(
        f"AWS asks to slow down ({refusal.operation}) while {refusal.what}.",
        "Wait a minute and type it again.",
        code=ErrorCode.AWS_THROTTLED,
    )


def _no_bucket(refusal: AwsRefusal) -> Problem:
    return Problem(
        f"The bucket {refusal.bucket} does not exist.".replace("  ", " "),
        "Is its name right?",
        code=ErrorCode.BUCKET_NOT_FOUND,
    )


def _taken_bucket(refusal: AwsRefusal) -> Problem:
    return Problem(
        f"The bucket name {refusal.bucket} belongs to another AWS account.".replace("  ", " "),
        "Choose another name of the platform (`opsctl up --name OTHER`), or a bucket of yours (--data-bucket BUCKET).",
        code=ErrorCode.BUCKET_UNUSABLE,
    )


def _region(refusal: AwsRefusal) -> Problem:
    if refusal.region:
        return Problem(
            f"The bucket lies in another region: {refusal.region}.",
            f"Set AWS_REGION={refusal.region}, then type the same command.",
            code=ErrorCode.BUCKET_UNUSABLE,
        )
    return Problem(
        f"The bucket lies in another region ({refusal.message}).",
        "Set AWS_REGION to the bucket's region.",
        code=ErrorCode.BUCKET_UNUSABLE,
    )


def _gone(refusal: AwsRefusal) -> Problem:
    return Problem(
        f"What {refusal.operation} asked for is not there while {refusal.what}{refusal.detail}.",
        "Was it removed, or is the region another? `opsctl doctor` looks at the platform.",
        code=ErrorCode.AWS_NOT_FOUND,
    )


def _quota(refusal: AwsRefusal) -> Problem:
    return Problem(
        f"A quota of this AWS account is used up ({refusal.operation}){refusal.detail}.",
        "Ask AWS for more in its console (Service Quotas), or remove what is not needed.",
        code=ErrorCode.AWS_QUOTA_REACHED,
    )


def _unavailable(refusal: AwsRefusal) -> Problem:
    times = f", {refusal.tries} times" if refusal.tries > 1 else ""
    if refusal.is_local:
        return Problem(
            f"The local platform failed to answer {refusal.operation}{times} while {refusal.what} ({refusal.code}).",
            "local/server.log in OPSCTL_HOME has its error. Is this machine's memory used up? If it fails again: "
            "`opsctl down --local`, then `opsctl up --local`; the data stays.",
            code=ErrorCode.PLATFORM_NOT_RUNNING,
        )
    return Problem(
        f"AWS failed to answer {refusal.operation}{times} while {refusal.what} ({refusal.code}).",
        "Wait some minutes and type it again; https://health.aws.amazon.com tells of outages.",
        code=ErrorCode.AWS_UNREACHABLE,
    )


def _disk_full(refusal: AwsRefusal) -> Problem:
    return Problem(
        f"The local platform's disk is full: it could not carry out {refusal.operation} while {refusal.what}.",
        "Free some space on the disk of OPSCTL_HOME, then type the same command: nothing is lost or done twice.",
        code=ErrorCode.DISK_FULL,
    )


def _conflict(refusal: AwsRefusal) -> Problem:
    return Problem(
        f"AWS refused {refusal.operation} while {refusal.what}: it still carries out another change of the same thing "
        f"({refusal.code}).",
        "Wait some minutes (a bucket's name becomes free up to an hour after its deletion) and type it again.",
        code=ErrorCode.AWS_UNREACHABLE,
    )


_TRANSLATIONS: tuple[tuple[set[str], Translate], ...] = (
    (_EXPIRED, _expired),
    ({"RequestExpired"}, _too_late),
    (_UNKNOWN_KEY, _unknown_key),
    (_SIGNATURE, _signature),
    (_CLOCK, _clock),
    (_VERIFICATION, _verification),
    (_ACCOUNT, _account),
    (DENIED, _denied),
    (THROTTLED | _BUSY_KEY, _throttled),
    (_BUCKET, _no_bucket),
    (_TAKEN_BUCKET, _taken_bucket),
    (_REGION, _region),
    (_GONE, _gone),
    (_QUOTA, _quota),
    (_CONFLICT, _conflict),
    (_UNAVAILABLE, _unavailable),
)
