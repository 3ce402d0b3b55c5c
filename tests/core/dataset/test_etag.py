"""The computed etag equals the one that moto's S3 computes."""

from __future__ import annotations

from collections.abc import Iterator

import boto3
import pytest
from moto import mock_aws

from opsctl.commands.dataset.digests import digest, etag
from opsctl.core.dataset.etag import PART_BYTES, parts_of


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    with mock_aws():
        s3 = boto3.client("s3", region_name="us-east-1")
        s3.create_bucket(Bucket="data")
        yield s3


@pytest.mark.parametrize("body", [b"", b"x", b"1 2 3\n" * 1000])
def test_one_piece(bucket: object, body: bytes) -> None:
    s3_etag = bucket.put_object(Bucket="data", Key="k", Body=body)["ETag"]  # type: ignore[attr-defined]
    assert etag([digest([body], "MD5")], is_multipart=False) == s3_etag.strip('"')


def test_parts(bucket: object) -> None:
    parts = [b"a" * (5 * 1024 * 1024), b"b" * (5 * 1024 * 1024), b"c"]
    s3: object = bucket
    upload = s3.create_multipart_upload(Bucket="data", Key="k")["UploadId"]  # type: ignore[attr-defined]
    sent = [
        {"PartNumber": number, "ETag": s3.upload_part(  # type: ignore[attr-defined]
            Bucket="data", Key="k", UploadId=upload, PartNumber=number, Body=part)["ETag"]}
        for number, part in enumerate(parts, 1)
    ]  # fmt: skip
    s3_etag = s3.complete_multipart_upload(  # type: ignore[attr-defined]
        Bucket="data", Key="k", UploadId=upload, MultipartUpload={"Parts": sent}
    )["ETag"]
    assert etag([digest([part], "MD5") for part in parts], is_multipart=True) == s3_etag.strip('"')
    assert parts_of(s3_etag.strip('"')) == 3


def test_the_size_of_a_part_is_one_that_s3_takes() -> None:
    # 5 MiB to 5 GiB a part, at most 10,000 parts: 64 MiB reach 640 GiB.
    assert 5 * 2**20 <= PART_BYTES <= 5 * 2**30
