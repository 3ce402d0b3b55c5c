"""Calls that AWS must refuse: whether it does, or lets them through."""

from __future__ import annotations

from typing import Any, Callable

from botocore.exceptions import BotoCoreError, ClientError

from m2g_job.selftest_check import Failed, NotChecked

_DENIED_CODES = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"}
#: Answers from before AWS looks for permissions: the signature, the credentials, the clock.
_UNDECIDED_CODES = {
    "AuthFailure",
    "ExpiredToken",
    "ExpiredTokenException",
    "IncompleteSignature",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "InvalidToken",
    "RequestTimeTooSkewed",
    "RequestTimeout",
    "SignatureDoesNotMatch",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "UnrecognizedClientException",
}


def must_be_refused(call: Callable[[], Any], what: str, *, also: tuple[str, ...] = ()) -> None:
    """Make a call that the role has no permission for.

    The call is chosen so that nothing happens where it is permitted after all: it names what does not exist, or its
    effect is written down as a failure and removed by opsctl.

    Parameters
    ----------
    what
        What was tried, to follow "was not refused": `deleting an object`.
    also
        Error codes by which AWS refuses it for everybody.

    Raises
    ------
    Failed
        AWS permitted it. An error such as "no such cluster" comes after the look at the permissions.
    NotChecked
        AWS did not answer, or not about permissions.
    """
    try:
        call()
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
        if code in _DENIED_CODES or code in also:
            return
        if code in _UNDECIDED_CODES or status >= 500:
            raise NotChecked(f"AWS did not decide about {what}: {code or status}.") from error
        raise Failed(f"{what} was not refused: AWS looked for permissions and went on to {code or status}") from error
    except (BotoCoreError, ConnectionError) as error:
        raise NotChecked(f"AWS did not answer {what}: {type(error).__name__}.") from error
    raise Failed(f"{what} was not refused")
