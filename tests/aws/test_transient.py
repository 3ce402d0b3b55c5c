"""Which faults are worth waiting for."""

from __future__ import annotations

from typing import Any

import pytest
from botocore import exceptions as kinds
from botocore.exceptions import ClientError

from opsctl.aws.errors import translated
from opsctl.aws.logs import StaleToken
from opsctl.aws.transient import is_transient
from opsctl.core.errors import ErrorCode, Problem


def problem_of(error: Exception) -> Problem:
    with pytest.raises(Problem) as caught, translated("reading the logs"):
        raise error
    return caught.value


def refused(code: str, status: int) -> ClientError:
    reply: Any = {"Error": {"Code": code, "Message": "m"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(reply, "FilterLogEvents")


@pytest.mark.parametrize(
    "error",
    [
        refused("ThrottlingException", 400),
        refused("ServiceUnavailableException", 503),
        refused("ServiceUnavailableException", 400),
        refused("Whatever", 500),
        kinds.EndpointConnectionError(endpoint_url="http://x"),
        kinds.ConnectTimeoutError(endpoint_url="http://x"),
        kinds.ReadTimeoutError(endpoint_url="http://x"),
        kinds.ConnectionClosedError(endpoint_url="http://x"),
        kinds.HTTPClientError(error="x"),
        kinds.IncompleteReadError(actual_bytes=1, expected_bytes=2),
    ],
)
def test_what_passes(error: Exception) -> None:
    assert is_transient(problem_of(error))


@pytest.mark.parametrize(
    "error",
    [
        refused("AccessDeniedException", 400),
        refused("ExpiredTokenException", 400),
        refused("ResourceNotFoundException", 400),
        kinds.NoCredentialsError(),
        kinds.TokenRetrievalError(provider="sso", error_msg="x"),
        kinds.SSLError(endpoint_url="https://x", error=OSError("x")),
    ],
)
def test_what_does_not(error: Exception) -> None:
    assert not is_transient(problem_of(error))


def test_tokens_that_expire_too_often_may_hold_later() -> None:
    with pytest.raises(Problem) as caught:
        raise Problem("x", code=ErrorCode.AWS_THROTTLED) from StaleToken("y")
    assert is_transient(caught.value)
    assert not is_transient(Problem("of our own", code=ErrorCode.AWS_THROTTLED))


def test_a_problem_of_a_problem_is_looked_through() -> None:
    with pytest.raises(Problem) as caught:
        raise Problem("outer", code=ErrorCode.AWS_THROTTLED) from problem_of(refused("ThrottlingException", 400))
    assert is_transient(caught.value)
