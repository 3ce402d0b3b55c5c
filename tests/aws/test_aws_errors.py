"""AWS's errors become one sentence and one mend each, by code."""

from __future__ import annotations

from pathlib import Path

import pytest
from boto3.exceptions import RetriesExceededError
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
    ReadTimeoutError,
    TokenRetrievalError,
    UnauthorizedSSOTokenError,
)
from botocore.stub import Stubber

from opsctl.aws.batch import Batch
from opsctl.aws.clients import Clients
from opsctl.aws.errors import code_of, translated
from opsctl.aws.s3 import Storage
from opsctl.core.errors import Problem
from opsctl.core.location import Location


def refused(code: str, message: str = "Words of AWS.", operation: str = "ListObjectsV2", **more: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message, **more}}, operation)  # type: ignore[typeddict-item]


def problem_of(error: Exception) -> Problem:
    with pytest.raises(Problem) as caught, translated("listing the dataset"):
        raise error
    assert caught.value.__cause__ is error
    assert caught.value.exit_code == 1
    return caught.value


BY_CODE = [
    *(
        (code, "The AWS login has expired.", "aws sso login")
        for code in ("ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired")
    ),
    *(
        (code, "AWS does not know these credentials.", "aws configure")
        for code in (
            "InvalidClientTokenId",
            "UnrecognizedClientException",
            "InvalidAccessKeyId",
            "SignatureDoesNotMatch",
        )
    ),
    *((code, "clock", "Set the clock.") for code in ("RequestTimeTooSkewed", "InvalidSignatureException")),
    *(
        (code, "AWS does not permit ListObjectsV2 while listing the dataset: Words of AWS.", "permission")
        for code in ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "403", "AllAccessDisabled")
    ),
    *(
        (code, "AWS asks to slow down (ListObjectsV2) while listing the dataset.", "Wait a minute")
        for code in (
            "Throttling",
            "ThrottlingException",
            "TooManyRequestsException",
            "SlowDown",
            "RequestLimitExceeded",
        )
    ),
    ("PermanentRedirect", "The bucket lies in another region", "--region"),
    ("301", "The bucket lies in another region", "--region"),
    ("IllegalLocationConstraintException", "The bucket lies in another region", "--region"),
    ("Odd", "AWS refused ListObjectsV2 while listing the dataset: Words of AWS (Odd).", ""),
]


@pytest.mark.parametrize(("code", "what", "mend"), BY_CODE)
def test_by_code(code: str, what: str, mend: str) -> None:
    problem = problem_of(refused(code))
    assert what in problem.what
    assert mend in problem.mend


def test_a_missing_bucket_is_named_where_aws_names_it() -> None:
    assert problem_of(refused("NoSuchBucket", BucketName="data")).what == "The bucket data does not exist."
    assert problem_of(refused("NoSuchBucket")).what == "The bucket does not exist."


def test_a_refusal_without_words_tells_its_code() -> None:
    assert problem_of(refused("Odd", message="")).what.endswith(": Odd (Odd).")
    assert code_of(ClientError({}, "X")) == ""


OTHERS = [
    (NoCredentialsError(), "There are no AWS credentials.", "opsctl up --local"),
    (PartialCredentialsError(provider="env", cred_var="x"), "There are no AWS credentials.", "aws configure"),
    (ProfileNotFound(profile="lab"), "lab", "aws configure list-profiles"),
    (NoRegionError(), "No AWS region is set.", "--region"),
    (TokenRetrievalError(provider="sso", error_msg="x"), "The AWS login has expired.", "aws sso login"),
    (UnauthorizedSSOTokenError(), "The AWS login has expired.", "aws sso login"),
    (EndpointConnectionError(endpoint_url="http://x"), "http://x cannot be reached.", "opsctl up --local"),
    (ConnectTimeoutError(endpoint_url="http://x"), "http://x cannot be reached.", "network"),
    (ReadTimeoutError(endpoint_url="http://x"), "AWS could not be asked while listing the dataset", ""),
    (BotoCoreError(), "AWS could not be asked while listing the dataset", ""),
    (RetriesExceededError(OSError("reset")), "AWS could not be asked while listing the dataset", ""),
]


@pytest.mark.parametrize(("error", "what", "mend"), OTHERS, ids=lambda value: type(value).__name__)
def test_by_kind(error: Exception, what: str, mend: str) -> None:
    problem = problem_of(error)
    assert what in problem.what
    assert mend in problem.mend


def test_a_problem_and_a_bug_pass_as_they_are() -> None:
    for error in (Problem("x"), ValueError("x"), KeyboardInterrupt()):
        with pytest.raises(type(error)) as caught, translated("doing"):
            raise error
        assert caught.value is error


def test_a_refused_upload_is_told_by_what_s3_said(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"1")
    client = Clients(endpoint_url="http://127.0.0.1:1").s3
    with Stubber(client) as stubber:
        stubber.add_client_error("put_object", "AccessDenied", "not you")
        with pytest.raises(Problem, match=r"AWS does not permit PutObject while sending .*x: not you\.") as caught:
            Storage(client).upload({"k": path}, "data", done=lambda key, size: None)
    assert "permission" in caught.value.mend


def test_nobody_there(unused_tcp_port: int) -> None:
    clients = Clients(endpoint_url=f"http://127.0.0.1:{unused_tcp_port}")
    with pytest.raises(Problem, match=f"http://127.0.0.1:{unused_tcp_port}.* cannot be reached"):
        Batch(clients.batch_once, submit_client=clients.batch_once).submit(
            {"jobName": "n", "jobQueue": "q", "jobDefinition": "d"}
        )


def test_no_credentials_no_region_no_profile() -> None:
    with pytest.raises(Problem, match="no AWS credentials"):
        Storage(Clients(region="us-east-1").s3).below(Location("data", ""))
    with pytest.raises(Problem, match="No AWS region is set"):
        _ = Clients().batch
    with pytest.raises(Problem, match="lab"):
        Clients(profile="lab")


@pytest.fixture
def unused_tcp_port() -> int:
    """A port on which nobody listens: taken and given back."""
    import socket

    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
