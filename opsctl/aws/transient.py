"""Which of AWS's and the network's faults pass by themselves."""

from __future__ import annotations

from botocore import exceptions as kinds
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError

from opsctl.aws.errors import THROTTLED, code_of
from opsctl.aws.logs import StaleToken
from opsctl.core.errors import Problem

_SERVER_CODES = {
    "InternalFailure",
    "InternalError",
    "InternalServerError",
    "ServiceUnavailable",
    "RequestTimeout",
    "Unavailable",
}
_PASSING = (
    kinds.ConnectionError,
    kinds.HTTPClientError,
    kinds.ResponseStreamingError,
    kinds.IncompleteReadError,
    ResponseParserError,
    StaleToken,
)


def is_transient(problem: Problem) -> bool:
    """Whether the same call may go well later: throttled, AWS's own fault, a broken connection."""
    cause = problem.__cause__
    while isinstance(cause, Problem):
        cause = cause.__cause__
    if isinstance(cause, ClientError):
        code = code_of(cause)
        status = cause.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return code in THROTTLED or code.removesuffix("Exception") in _SERVER_CODES or status >= 500
    return isinstance(cause, _PASSING) and not isinstance(cause, kinds.SSLError)
