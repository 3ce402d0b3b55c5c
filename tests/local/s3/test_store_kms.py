"""In a bucket with a KMS key an etag says nothing of the bytes, as on S3; a second upload still sends only changes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.local_servers import Bucket

from opsctl.aws.s3 import file_upload
from opsctl.aws.s3.storage import Storage
from opsctl.commands.dataset import same_bytes, upload
from opsctl.core.location import Location

KEY = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
PART = 5 * 1024 * 1024


@pytest.fixture
def encrypted(bucket: Bucket) -> Iterator[Bucket]:
    """The bucket with a key."""
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": KEY}}
    bucket.s3.put_bucket_encryption(
        Bucket=bucket.name,
        ServerSideEncryptionConfiguration={"Rules": [{**rule, "BucketKeyEnabled": True}]},
    )
    yield bucket
    bucket.s3.delete_bucket_encryption(Bucket=bucket.name)


def test_an_etag_is_no_md5_and_the_same_in_every_reply(encrypted: Bucket) -> None:
    put = encrypted.s3.put_object(Bucket=encrypted.name, Key="x", Body=b"bytes")
    head = encrypted.s3.head_object(Bucket=encrypted.name, Key="x")
    (listed,) = encrypted.s3.list_objects_v2(Bucket=encrypted.name)["Contents"]
    assert head["ServerSideEncryption"] == "aws:kms"
    assert put["ETag"] == head["ETag"] == listed["ETag"] != f'"{hashlib.md5(b"bytes").hexdigest()}"'
    assert encrypted.s3.get_object(Bucket=encrypted.name, Key="x", IfMatch=put["ETag"])["ETag"] == put["ETag"]
    again = encrypted.s3.put_object(Bucket=encrypted.name, Key="x", Body=b"bytes")
    assert again["ETag"] != put["ETag"]


def test_a_second_upload_sends_only_what_changed(
    encrypted: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(same_bytes, "PART_BYTES", PART)
    monkeypatch.setattr(file_upload, "PART_BYTES", PART)
    folder = tmp_path / "HNU1"
    for name, content in {
        "sub-01/dwi/large.nii.gz": bytes(range(256)) * (2 * PART // 256) + b"end",
        "sub-01/dwi/small.bval": b"0 1000",
        "empty": b"",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    storage, location = Storage(encrypted.s3), Location(encrypted.name, "HNU1")

    def send() -> list[str]:
        comparison = upload.compare(folder, location, storage)
        upload.send(comparison, storage, upload.Sending())
        return sorted(comparison.files)

    assert len(send()) == 3
    assert {obj.etag[-2:] for obj in storage.below(location) if obj.key.endswith("large.nii.gz")} == {"-3"}
    assert send() == []
    (folder / "sub-01/dwi/small.bval").write_bytes(b"0 2000")
    assert send() == ["HNU1/sub-01/dwi/small.bval"]
