"""AWS's errors become one sentence and one hint each, by code."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from string import Formatter
from typing import Any

import pytest
from boto3.exceptions import RetriesExceededError
from botocore import exceptions as kinds
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError
from botocore.stub import Stubber

from opsctl.aws.batch.batch import Batch
from opsctl.aws.clients import Clients
from opsctl.aws.errors import code_of, translated
from opsctl.aws.s3.storage import Storage
from opsctl.core.errors import ErrorCode, Problem
from opsctl.core.location import Location


def refused(code: str, message: str = "Words of AWS.", operation: str = "ListObjectsV2", **more: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message, **more}}, operation)  # type: ignore[typeddict-item]


def replied(code: str, *, headers: dict[str, str] | None = None, status: int = 400, retries: int = 0) -> ClientError:
    """A refusal with what botocore keeps of its reply."""
    reply: Any = {
        "Error": {"Code": code, "Message": "Words of AWS."},
        "ResponseMetadata": {"HTTPStatusCode": status, "HTTPHeaders": headers or {}, "RetryAttempts": retries},
    }
    return ClientError(reply, "SubmitJob")


def problem_of(error: Exception) -> Problem:
    with pytest.raises(Problem) as caught, translated("listing the dataset"):
        raise error
    assert caught.value.__cause__ is error
    assert caught.value.exit_code == 1
    return caught.value


LOGIN = "The AWS login has expired."
UNKNOWN = "AWS does not know these credentials."
SLOW = "AWS asks to slow down (ListObjectsV2) while listing the dataset."
ELSEWHERE = "The bucket lies in another region"
GONE = "What ListObjectsV2 asked for is not there while listing the dataset: Words of AWS."
QUOTA = "A quota of this AWS account is used up (ListObjectsV2): Words of AWS."
DOWN = "AWS failed to answer ListObjectsV2 while listing the dataset"
KEY = "The data's encryption key (KMS) cannot be used while listing the dataset: Words of AWS"
ACCOUNT = "This AWS account is not ready for ListObjectsV2: Words of AWS"

BY_CODE = [
    ("ExpiredToken ExpiredTokenException RequestExpired TokenRefreshRequired", LOGIN, "aws sso login"),
    (
        "InvalidClientTokenId UnrecognizedClientException InvalidAccessKeyId AuthFailure InvalidToken "
        "SignatureDoesNotMatch InvalidSignatureException",
        UNKNOWN,
        "aws configure",
    ),
    ("RequestTimeTooSkewed", "The clock of this machine differs from AWS's.", "Set the clock"),
    (
        "AccessDenied AccessDeniedException UnauthorizedOperation 403 Forbidden AllAccessDisabled",
        "AWS does not permit s3:ListBucket while listing the dataset: Words of AWS.",
        "permission (s3:ListBucket)",
    ),
    (
        "Throttling ThrottlingException ThrottledException TooManyRequestsException SlowDown RequestLimitExceeded "
        "EC2ThrottledException KMS.ThrottlingException 429",
        SLOW,
        "Wait a minute",
    ),
    ("PermanentRedirect 301 IllegalLocationConstraintException AuthorizationHeaderMalformed", ELSEWHERE, "AWS_REGION"),
    ("NoSuchKey 404 ResourceNotFoundException ParameterNotFound NoSuchEntity NotFoundException", GONE, "opsctl doctor"),
    ("LimitExceededException VcpuLimitExceeded TooManyBuckets ServiceQuotaExceededException", QUOTA, "Service Quotas"),
    ("InternalError ServiceUnavailable ServerException InternalFailure 500 503 RequestTimeout", DOWN, "Wait some"),
    ("KMS.DisabledException KMS.NotFoundException KMS.KMSInvalidStateException KMSNotFoundException", KEY, "KMS key"),
    ("OptInRequired SubscriptionRequiredException NotSignedUp", ACCOUNT, "console"),
    ("PendingVerification", "AWS still verifies this account", "Wait until AWS has sent its email"),
    ("OperationAborted TooManyUpdates", "it still carries out another change of the same thing", "Wait some minutes"),
    ("BucketAlreadyExists", "belongs to another AWS account.", "opsctl up --name OTHER"),
    ("Odd", "AWS refused ListObjectsV2 while listing the dataset: Words of AWS (Odd).", "opsctl doctor"),
]


@pytest.mark.parametrize(("code", "what", "hint"), [(c, w, m) for codes, w, m in BY_CODE for c in codes.split()])
def test_by_code(code: str, what: str, hint: str) -> None:
    problem = problem_of(refused(code))
    assert what in problem.what
    assert hint in problem.hint


#: What a script tells apart: whether to wait, to log in, to ask for a permission or to correct something.
CODES = [
    (refused("ExpiredToken"), "credentials_expired"),
    (kinds.TokenRetrievalError(provider="sso", error_msg="expired"), "credentials_expired"),
    (kinds.NoCredentialsError(), "credentials_missing"),
    (kinds.PartialCredentialsError(provider="env", cred_var="secret"), "credentials_invalid"),
    (refused("InvalidAccessKeyId"), "credentials_invalid"),
    (refused("AccessDenied"), "aws_denied"),
    (refused("KMS.DisabledException"), "aws_denied"),
    (refused("SlowDown"), "aws_throttled"),
    (refused("KMS.ThrottlingException"), "aws_throttled"),
    (refused("ServiceUnavailable"), "aws_unreachable"),
    (replied("Odd", status=500), "aws_unreachable"),
    (kinds.EndpointConnectionError(endpoint_url="https://s3.amazonaws.com"), "aws_unreachable"),
    (kinds.ReadTimeoutError(endpoint_url="https://s3.amazonaws.com"), "aws_unreachable"),
    (kinds.EndpointConnectionError(endpoint_url="http://127.0.0.1:1"), "platform_not_running"),
    (refused("NoSuchBucket"), "bucket_not_found"),
    (refused("PermanentRedirect"), "bucket_unusable"),
    (refused("NoSuchKey"), "aws_not_found"),
    (refused("LimitExceededException"), "aws_quota_reached"),
    (refused("OptInRequired"), "aws_refused"),
    (refused("Odd"), "aws_refused"),
    (kinds.ProfileNotFound(profile="lab"), "configuration_invalid"),
    (kinds.NoRegionError(), "configuration_invalid"),
]


@pytest.mark.parametrize(("error", "code"), CODES, ids=lambda value: value if isinstance(value, str) else "")
def test_codes(error: Exception, code: str) -> None:
    assert problem_of(error).code == code


# AWS's own words, as its documentation and its services give them.
ROLE = "arn:aws:sts::123456789012:assumed-role/lab/ada"
PERMISSIONS = [
    (
        f"User: {ROLE} is not authorized to perform: batch:SubmitJob on resource: arn:aws:batch:x:1:job-queue/q",
        "AWS does not permit batch:SubmitJob on arn:aws:batch:x:1:job-queue/q while listing the dataset.",
    ),
    (
        f'User: {ROLE} is not authorized to perform: s3:ListBucket on resource: "arn:aws:s3:::lab" because no '
        "identity-based policy allows the s3:ListBucket action",
        "AWS does not permit s3:ListBucket on arn:aws:s3:::lab while listing the dataset.",
    ),
    (
        f"User: {ROLE} is not authorized to perform: kms:Decrypt on resource: arn:aws:kms:us-east-1:1:key/k because "
        "the resource does not exist in this Region",
        "AWS does not permit kms:Decrypt on arn:aws:kms:us-east-1:1:key/k while listing the dataset.",
    ),
    (
        f"You are not authorized to perform this operation. User: {ROLE} is not authorized to perform: ec2:CreateVpc "
        "on resource: * with an explicit deny. Encoded authorization failure message: AAAA",
        "AWS does not permit ec2:CreateVpc while listing the dataset.",
    ),
    (
        f"User: {ROLE} is not authorized to perform: ec2:CreateVpc on resource: arn:aws:ec2:us-east-1:1:vpc/* with an "
        "explicit deny in a service control policy. Encoded authorization failure message: AAAA",
        "AWS does not permit ec2:CreateVpc on arn:aws:ec2:us-east-1:1:vpc/* while listing the dataset: a service "
        "control policy of the organisation denies it.",
    ),
    (
        f"User: {ROLE} is not authorized to perform: iam:CreateRole on resource: arn:aws:iam::1:role/x because no "
        "permissions boundary allows the iam:CreateRole action",
        "AWS does not permit iam:CreateRole on arn:aws:iam::1:role/x while listing the dataset: a permissions boundary "
        "denies it.",
    ),
    ("Access Denied", "AWS does not permit SubmitJob while listing the dataset: Access Denied."),
    ("", "AWS does not permit SubmitJob while listing the dataset."),
]


@pytest.mark.parametrize(("words", "what"), PERMISSIONS)
def test_which_action_on_what_is_not_permitted(words: str, what: str) -> None:
    assert problem_of(refused("AccessDenied", words, "SubmitJob")).what == what


def test_a_head_request_has_no_words_and_still_names_its_permission() -> None:
    problem = problem_of(refused("403", "Forbidden", "HeadObject"))
    assert problem.hint == "Ask the account's administrator for this permission (s3:GetObject)."


@pytest.mark.parametrize(
    "code", ["InvalidSignatureException", "SignatureDoesNotMatch", "RequestExpired", "AuthFailure"]
)
@pytest.mark.parametrize(
    ("ahead_seconds", "told"),
    [(0, ""), (3600, " is 60 minutes ahead of AWS's"), (-3600, " is 60 minutes behind AWS's")],
    ids=["right", "ahead", "behind"],
)
def test_the_replys_date_tells_a_wrong_clock_from_a_wrong_key(code: str, ahead_seconds: int, told: str) -> None:
    date = format_datetime(datetime.now(UTC) - timedelta(seconds=ahead_seconds))
    problem = problem_of(replied(code, headers={"date": date}))
    assert ("The clock of this machine" in problem.what) == bool(told)
    assert told in problem.what
    assert problem.hint.startswith("Set the clock" if told else "Log in again")


@pytest.mark.parametrize(("ahead_seconds", "code"), [(0, "aws_denied"), (600, "aws_denied"), (-1000, "clock_wrong")])
def test_a_head_request_has_no_words_and_its_date_tells_a_wrong_clock(ahead_seconds: int, code: str) -> None:
    date = format_datetime(datetime.now(UTC) - timedelta(seconds=ahead_seconds))
    assert problem_of(replied("403", headers={"date": date}, status=403)).code == code


def test_the_right_region_is_named_where_aws_names_it() -> None:
    told = "The bucket lies in another region: eu-west-1."
    assert problem_of(refused("AuthorizationHeaderMalformed", Region="eu-west-1")).what == told
    problem = problem_of(replied("301", headers={"x-amz-bucket-region": "eu-west-1"}, status=301))
    assert (problem.what, problem.hint) == (told, "Set AWS_REGION=eu-west-1, then type the same command.")


def test_after_all_tries() -> None:
    problem = problem_of(replied("ServiceUnavailable", status=503, retries=4))
    assert problem.what == "AWS failed to answer SubmitJob, 5 times while listing the dataset (ServiceUnavailable)."
    assert "AWS failed to answer SubmitJob while" in problem_of(replied("NewTrouble", status=500)).what


@pytest.mark.parametrize("code", ["500", "InternalError", "ServiceUnavailable"])
def test_a_failure_of_the_local_platform_is_not_called_one_of_aws(code: str) -> None:
    problem = problem_of(replied(code, headers={"server": "opsctl"}, status=500, retries=4))
    assert problem.what == f"The local platform failed to answer SubmitJob, 5 times while listing the dataset ({code})."
    assert "server.log" in problem.hint and "health.aws" not in problem.hint
    assert problem.code == "platform_not_running"
    assert "AWS failed" in problem_of(replied(code, headers={"server": "AmazonS3"}, status=500)).what


def test_words_of_unknown_origin_stay_on_one_line_and_harmless() -> None:
    problem = problem_of(refused("Odd", "one\ntwo \x1b[31mred\x07"))
    assert problem.what == "AWS refused ListObjectsV2 while listing the dataset: one two [31mred (Odd)."


def test_a_missing_bucket_is_named_where_aws_names_it() -> None:
    assert problem_of(refused("NoSuchBucket", BucketName="data")).what == "The bucket data does not exist."
    assert problem_of(refused("NoSuchBucket")).what == "The bucket does not exist."


def test_a_refusal_without_words_tells_its_code() -> None:
    assert problem_of(refused("Odd", message="")).what.endswith(": Odd (Odd).")
    assert code_of(ClientError({}, "X")) == ""


AWS_URL = "https://batch.eu-wst-1.amazonaws.com/v1/submitjob"
LOCAL_URL = "http://127.0.0.1:4566/x"
BROKE = "The connection to AWS broke while listing the dataset."

OTHERS = [
    (kinds.NoCredentialsError(), "There are no AWS credentials.", "opsctl up --local"),
    (kinds.PartialCredentialsError(provider="env", cred_var="aws_secret_access_key"), "secret_access_key", "configure"),
    (kinds.ProfileNotFound(profile="lab"), "lab", "aws configure list-profiles"),
    (kinds.NoRegionError(), "No AWS region is set.", "AWS_REGION"),
    (kinds.InvalidRegionError(region_name="eu wst"), "AWS has no region eu wst for this.", "AWS_REGION"),
    (kinds.TokenRetrievalError(provider="sso", error_msg="x"), LOGIN, "aws sso login"),
    (kinds.UnauthorizedSSOTokenError(), LOGIN, "aws sso login"),
    (kinds.SSOTokenLoadError(error_msg="x"), LOGIN, "aws sso login"),
    (kinds.LoginRefreshRequired(), LOGIN, "aws sso login"),
    (kinds.CredentialRetrievalError(provider="custom-process", error_msg="x"), "could not be fetched", "Log in again"),
    (kinds.ConfigParseError(path="/c"), "The AWS configuration cannot be read: Unable to parse", "~/.aws/config"),
    (kinds.MissingDependencyException(msg="needs CRT"), "awscrt", "aws sso login"),
    (kinds.ParamValidationError(report="Invalid bucket name"), "AWS would not take this: Parameter", "name"),
    (kinds.EndpointConnectionError(endpoint_url=LOCAL_URL), "The local platform is not running", "opsctl up --local"),
    (kinds.EndpointConnectionError(endpoint_url=AWS_URL), f"{AWS_URL} cannot be reached.", "the region"),
    (kinds.ConnectTimeoutError(endpoint_url=AWS_URL), f"{AWS_URL} cannot be reached.", "network"),
    (kinds.SSLError(endpoint_url=AWS_URL, error="x"), "connection to batch.eu-wst-1.amazonaws.com", "AWS_CA_BUNDLE"),
    (kinds.ProxyConnectionError(proxy_url="http://p"), "The proxy cannot be reached", "HTTPS_PROXY"),
    (kinds.ReadTimeoutError(endpoint_url=AWS_URL), "AWS did not answer in time while listing", "same command again"),
    (kinds.ConnectionClosedError(endpoint_url=AWS_URL), BROKE, "same command again"),
    (kinds.ConnectionClosedError(endpoint_url=LOCAL_URL), "to the local platform broke while", "opsctl up --local"),
    (kinds.ReadTimeoutError(endpoint_url=LOCAL_URL), "The local platform did not answer in time", "opsctl doctor"),
    (kinds.ResponseStreamingError(error="x"), BROKE, "same command again"),
    (kinds.IncompleteReadError(actual_bytes=1, expected_bytes=2), "did not arrive whole", "same command again"),
    (kinds.BotoCoreError(), "AWS could not be asked while listing the dataset", "opsctl doctor"),
    (ResponseParserError("Unable to parse"), "The answer did not arrive whole", "same command again"),
    (RetriesExceededError(OSError("reset")), "AWS could not be asked while listing the dataset", "opsctl doctor"),
    (RetriesExceededError(kinds.ReadTimeoutError(endpoint_url="u")), "AWS did not answer in time", "same command"),
]


@pytest.mark.parametrize(("error", "what", "hint"), OTHERS, ids=lambda value: type(value).__name__)
def test_by_kind(error: Exception, what: str, hint: str) -> None:
    problem = problem_of(error)
    assert what in problem.what
    assert hint in problem.hint


def test_every_kind_of_botocore_has_one_thing_to_do() -> None:
    """Also those that a later botocore brings: none is a bug to the boundary, none leaves a person without a word."""
    for kind in vars(kinds).values():
        if isinstance(kind, type) and issubclass(kind, kinds.BotoCoreError):
            problem = problem_of(kind(**blanks_of(kind)))
            assert problem.what.endswith(".")
            assert problem.hint, kind
            assert "\n" not in problem.what


def blanks_of(kind: type[kinds.BotoCoreError]) -> dict[str, Any]:
    """Something for every blank of an error's words."""
    blanks: dict[str, Any] = {name: "x" for _, name, _, _ in Formatter().parse(getattr(kind, "fmt", "")) if name}
    return {**blanks, "last_response": {}} if kind is kinds.WaiterError else blanks


def test_a_problem_and_a_bug_pass_as_they_are() -> None:
    for error in (Problem("x", code=ErrorCode.INPUT_INVALID), ValueError("x"), KeyboardInterrupt()):
        with pytest.raises(type(error)) as caught, translated("doing"):
            raise error
        assert caught.value is error


def test_a_refused_upload_is_told_by_what_s3_said(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"1")
    client = Clients(endpoint_url="http://127.0.0.1:1").s3
    with Stubber(client) as stubber:
        stubber.add_client_error("put_object", "AccessDenied", "not you")
        problem = Storage(client).upload({"k": path}, "data", done=lambda key, size: None)["k"]
    assert re.fullmatch(r"AWS does not permit PutObject while sending .*x: not you\.", problem.what)
    assert "permission" in problem.hint


def test_nobody_there(unused_tcp_port: int) -> None:
    clients = Clients(endpoint_url=f"http://127.0.0.1:{unused_tcp_port}")
    with pytest.raises(Problem, match="The local platform is not running"):
        Batch(clients.batch_once, submit_client=clients.batch_once).submit(
            {"jobName": "n", "jobQueue": "q", "jobDefinition": "d"}
        )


def test_no_credentials_no_region_no_profile() -> None:
    with pytest.raises(Problem, match="no AWS credentials"):
        list(Storage(Clients(region="us-east-1").s3).below(Location("data", "")))
    with pytest.raises(Problem, match="No AWS region is set"):
        _ = Clients().batch
    with pytest.raises(Problem, match="lab"):
        Clients(profile="lab")


def test_the_region_of_the_environment_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """The hint for a missing region must work."""
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    assert Clients().region == "eu-west-1"
    assert Clients(region="eu-north-1").region == "eu-north-1"
    assert Clients(endpoint_url="http://127.0.0.1:1").region == "us-east-1"


@pytest.fixture
def unused_tcp_port() -> int:
    """A port on which nobody listens: taken and given back."""
    import socket

    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
