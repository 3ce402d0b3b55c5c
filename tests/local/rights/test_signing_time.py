"""Requests that were signed by a wrong clock, and presigned URLs after their time: refused in each service's words."""

from __future__ import annotations

import re
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from support.local_servers import Platform, client

from opsctl.local.rights.server_clock import ServerClock
from opsctl.local.rights.signature import Signature
from opsctl.local.rights.signing_time import untimely

NOW = datetime(2026, 11, 28, 22, 0, 0, 500_000, UTC)
JSON = {"HTTP_X_AMZ_TARGET": "AmazonSSM.GetParameter"}
EXPIRED = "Signature expired: 20261128T215459Z is now earlier than 20261128T215500Z (20261128T220000Z - 5 min.)"
EARLY = "Signature not yet current: 20261128T220501Z is still later than 20261128T220500Z (20261128T220000Z + 5 min.)"
LATE_STS = "Signature expired: 20261128T214459Z is now earlier than 20261128T214500Z (20261128T220000Z - 15 min.)"


def refused(service: str, minutes: float, seconds: int = 0, **environ: str) -> tuple[str, int, str] | None:
    date = NOW + timedelta(minutes=minutes, seconds=seconds)
    refusal = untimely(Signature("key", service=service, date=f"{date:%Y%m%dT%H%M%SZ}"), environ, now=NOW)
    return None if refusal is None else (refusal.code, refusal.status, refusal.message)


@pytest.mark.parametrize(
    ("service", "minutes", "environ", "expected"),
    [
        ("ssm", 5, JSON, ("InvalidSignatureException", 400)),
        ("batch", 5, {}, ("InvalidSignatureException", 403)),
        ("iam", 5, {}, ("SignatureDoesNotMatch", 403)),
        ("sts", 15, {}, ("SignatureDoesNotMatch", 403)),
        ("ec2", 5, {}, ("AuthFailure", 401)),
        ("s3", 15, {}, ("RequestTimeTooSkewed", 403)),
    ],
)
def test_from_which_second_on_each_service_refuses(
    service: str, minutes: int, environ: dict[str, str], expected: tuple[str, int]
) -> None:
    for sign in (1, -1):
        assert refused(service, sign * minutes, **environ) is None
        refusal = refused(service, sign * minutes, sign, **environ)
        assert refusal is not None
        assert refusal[:2] == expected


def test_the_words_are_those_of_aws() -> None:
    assert refused("batch", -5, -1) == ("InvalidSignatureException", 403, EXPIRED)
    assert refused("batch", 5, 1) == ("InvalidSignatureException", 403, EARLY)
    assert refused("sts", -15, -1) == ("SignatureDoesNotMatch", 403, LATE_STS)


@pytest.mark.parametrize(
    "date", ["", "yesterday", "20261328T220000Z", "20261128T220000", "Sat, 99 Nov 2026 22:00:00 GMT", "9" * 5000]
)
@pytest.mark.parametrize("service", ["s3", "batch", "ec2"])
def test_a_request_without_a_date_that_can_be_read_is_refused(service: str, date: str) -> None:
    assert untimely(Signature("key", service=service, date=date), {}, now=NOW) is not None


def test_the_date_of_http_counts_too() -> None:
    date = "Sat, 28 Nov 2026 22:04:00 GMT"
    assert untimely(Signature("key", service="batch", date=date), {}, now=NOW) is None
    assert untimely(Signature("key", service="batch", date=date), {}, now=NOW + timedelta(minutes=10)) is not None


@pytest.mark.parametrize(
    ("minutes", "expires", "words"),
    [
        (-60, "3599", "Request has expired"),
        (-60, "3600", ""),
        (10, "60", ""),
        (16, "3600", "Request is not yet valid"),
        (0, "604800", ""),
        *((0, expires, "X-Amz-Expires must be") for expires in ("604801", "-1", "", "1e3", "²", "9" * 5000)),
    ],
)
def test_until_when_a_presigned_url_is_good(minutes: int, expires: str, words: str) -> None:
    date = f"{NOW + timedelta(minutes=minutes):%Y%m%dT%H%M%SZ}"
    refusal = untimely(Signature("key", date=date, expires=expires), {}, now=NOW)
    assert (refusal.message if refusal else "").startswith(words)
    assert bool(refusal) == bool(words)


@pytest.mark.parametrize(
    ("expires", "is_refused"),
    [
        ("", True),
        ("x", True),
        ("-1", True),
        ("1", True),
        ("1795903199", True),
        ("1795903201", False),
        ("9" * 5000, False),
    ],
)
def test_until_when_a_url_in_the_old_form_is_good(expires: str, is_refused: bool) -> None:
    signature = Signature("key", is_version_4=False, expires=expires)
    assert bool(untimely(signature, {}, now=NOW)) == is_refused


def test_what_was_signed_just_before_the_clock_was_set_is_understood_for_a_minute() -> None:
    wall, elapsed = [NOW], [100.0]

    def go_on(seconds: float, step: float = 0) -> tuple[float, ...]:
        wall[0] += timedelta(seconds=seconds + step)
        elapsed[0] += seconds
        return tuple((time - wall[0]).total_seconds() for time in clock.times())

    clock = ServerClock(now=lambda: wall[0], monotonic=lambda: elapsed[0])
    assert go_on(10) == (0,)
    assert go_on(1, step=-3600) == (0, 3600)
    assert go_on(30, step=7200) == (0, -3600, -7200)
    assert go_on(30.5) == (0, -7200)
    assert go_on(60) == (0,)
    # A clock that NTP slows down or speeds up is not set.
    for _ in range(100):
        assert go_on(10, step=0.5) == (0,)


@pytest.fixture
def hour_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let botocore sign by a clock that is an hour ahead."""

    def ahead(*_: Any) -> datetime:
        return datetime.now(UTC).replace(tzinfo=None) + timedelta(hours=1)

    monkeypatch.setattr("botocore.auth.get_current_datetime", ahead)


@pytest.mark.usefixtures("hour_ahead")
@pytest.mark.parametrize(
    ("service", "operation", "parameters", "code"),
    [
        ("s3", "list_buckets", {}, "RequestTimeTooSkewed"),
        ("s3", "put_object", {"Bucket": "b", "Key": "k", "Body": b"x" * 3_000_000}, "RequestTimeTooSkewed"),
        ("s3", "head_bucket", {"Bucket": "b"}, "403"),
        ("ssm", "get_parameter", {"Name": "n"}, "InvalidSignatureException"),
        ("logs", "describe_log_groups", {}, "InvalidSignatureException"),
        ("ecr", "describe_repositories", {}, "InvalidSignatureException"),
        ("batch", "describe_job_queues", {}, "InvalidSignatureException"),
        ("sts", "get_caller_identity", {}, "SignatureDoesNotMatch"),
        ("iam", "list_roles", {}, "SignatureDoesNotMatch"),
        ("ec2", "describe_vpcs", {}, "AuthFailure"),
    ],
)
def test_each_service_refuses_a_wrong_clock_over_http(
    platform: Platform, service: str, operation: str, parameters: dict[str, Any], code: str
) -> None:
    with pytest.raises(ClientError) as caught:
        getattr(client(platform.server, service), operation)(**parameters)
    assert caught.value.response["Error"]["Code"] == code
    assert "date" in caught.value.response["ResponseMetadata"]["HTTPHeaders"]


@pytest.mark.usefixtures("hour_ahead")
def test_s3_tells_both_times(platform: Platform) -> None:
    with pytest.raises(ClientError) as caught:
        client(platform.server, "s3").list_buckets()
    error = caught.value.response["Error"]
    assert error["Message"] == "The difference between the request time and the current time is too large."
    assert error["MaxAllowedSkewMilliseconds"] == "900000"
    requested, answered = (
        datetime.fromisoformat(error[name].replace("Z", "+00:00")) for name in ("RequestTime", "ServerTime")
    )
    assert abs(requested - answered - timedelta(hours=1)) < timedelta(minutes=1)


def test_a_presigned_url_ends_over_http(platform: Platform) -> None:
    s3 = client(platform.server, "s3")
    s3.create_bucket(Bucket="urls")
    s3.put_object(Bucket="urls", Key="k", Body=b"x")
    url = s3.generate_presigned_url("get_object", {"Bucket": "urls", "Key": "k"}, ExpiresIn=600)
    with urllib.request.urlopen(url) as reply:
        assert reply.read() == b"x"
    if "X-Amz-Date" in url:
        ended = re.sub(r"X-Amz-Date=\w+", "X-Amz-Date=20200101T000000Z", url)
    else:
        ended = re.sub(r"Expires=\d+", "Expires=1500000000", url)
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(ended)
    text = caught.value.read().decode()
    assert "<Code>AccessDenied</Code><Message>Request has expired</Message>" in text
    assert "<ServerTime>" in text
