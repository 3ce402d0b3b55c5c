"""Tells transient errors of AWS and the network from permanent ones."""

from __future__ import annotations

from botocore import exceptions as kinds
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError

from opsctl.aws.errors import code_of
from opsctl.aws.logs import StaleToken
from opsctl.aws.refusals import THROTTLED
from opsctl.core.errors import Problem

_SERVER_CODES = {
    "InternalFailure",
    "InternalError",
    "InternalServerError",
    "ServiceUnavailable",
    "RequestTimeout",
    "Unavailable",
}
_TRANSIENT = (
    kinds.ConnectionError,
    kinds.HTTPClientError,
    kinds.ResponseStreamingError,
    kinds.IncompleteReadError,
    ResponseParserError,
    StaleToken,
)


def is_transient(problem: Problem) -> bool:
    """Whether the same call may succeed later: throttling, a server error, a broken connection."""
    cause = problem.__cause__
    while isinstance(cause, Problem):
        cause = cause.__cause__
    if isinstance(cause, ClientError):
        code = code_of(cause)
        status = cause.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return code in THROTTLED or code.removesuffix("Exception") in _SERVER_CODES or status >= 500
    return isinstance(cause, _TRANSIENT) and not isinstance(cause, kinds.SSLError)
