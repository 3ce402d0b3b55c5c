"""S3's replies as faults of the job, each with its code."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ParamValidationError
from m2g_job import causes
from m2g_job.faults import S3Missing, S3Refused, TransientFault
from m2g_job.s3_errors import translate

REPLIES = [
    ("SlowDown", 503, TransientFault, causes.S3_UNAVAILABLE),
    ("", 500, TransientFault, causes.S3_UNAVAILABLE),
    ("ExpiredToken", 400, TransientFault, causes.S3_UNAVAILABLE),
    ("NoSuchKey", 404, S3Missing, causes.S3_REFUSED),
    ("NoSuchBucket", 404, S3Refused, causes.BUCKET_MISSING),
    ("AccessDenied", 403, S3Refused, causes.S3_DENIED),
    ("403", 403, S3Refused, causes.S3_DENIED),
    ("InvalidArgument", 400, S3Refused, causes.S3_REFUSED),
]


@pytest.mark.parametrize(("code", "status", "kind", "cause_code"), REPLIES)
def test_each_reply_has_its_code_and_its_facts(code: str, status: int, kind: type[S3Refused], cause_code: str) -> None:
    reply = {"Error": {"Code": code, "Message": "m"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    fault = translate(ClientError(reply, "PutObject"), "PutObject", "s3://b/k")
    assert type(fault) is kind
    assert fault.cause_code == cause_code
    assert fault.facts == {"operation": "PutObject", "file": "s3://b/k", "s3_code": code, "http_status": status}


def test_a_request_without_a_reply_is_transient_and_a_wrong_one_is_refused() -> None:
    lost = translate(EndpointConnectionError(endpoint_url="http://x"), "GetObject", "s3://b/k")
    assert (type(lost), lost.cause_code) == (TransientFault, causes.S3_UNAVAILABLE)
    wrong = translate(ParamValidationError(report="r"), "GetObject", "s3://b/k")
    assert (type(wrong), wrong.cause_code) == (S3Refused, causes.S3_REFUSED)
    assert wrong.facts == {"operation": "GetObject", "file": "s3://b/k"}
