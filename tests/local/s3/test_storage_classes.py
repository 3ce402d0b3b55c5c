"""Archived objects on the local S3: refused until they are restored, with the command that opsctl names."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import pytest
from botocore.exceptions import ClientError
from support.local_servers import Bucket

from opsctl.aws.s3.storage import Storage
from opsctl.core.dataset.archived import archived_reason
from opsctl.core.dataset.scan import S3Object
from opsctl.core.location import Location

ARCHIVES = ("GLACIER", "DEEP_ARCHIVE")
READABLE = ("STANDARD", "STANDARD_IA", "GLACIER_IR", "INTELLIGENT_TIERING")


def listed(bucket: Bucket, key: str) -> S3Object:
    (obj,) = [obj for obj in Storage(bucket.s3).below(Location(bucket.name, "")) if obj.key == key]
    return obj


def refusal(bucket: Bucket, key: str) -> tuple[str, int, str]:
    with pytest.raises(ClientError) as caught:
        bucket.body(key)
    reply = caught.value.response
    return reply["Error"]["Code"], reply["ResponseMetadata"]["HTTPStatusCode"], reply.get("StorageClass", "")


@pytest.mark.parametrize("storage_class", READABLE)
def test_other_classes_are_read_at_once(bucket: Bucket, storage_class: str) -> None:
    bucket.put("x", b"content", StorageClass=storage_class)
    assert listed(bucket, "x").storage_class == storage_class
    assert not listed(bucket, "x").is_archived
    assert bucket.body("x") == b"content"


def test_an_archived_object_is_listed_and_described_but_not_read(bucket: Bucket) -> None:
    for storage_class in ARCHIVES:
        bucket.put(storage_class, b"content", StorageClass=storage_class)
        assert listed(bucket, storage_class).storage_class == storage_class
        assert listed(bucket, storage_class).is_archived
        assert bucket.head(storage_class)["StorageClass"] == storage_class
        assert refusal(bucket, storage_class) == ("InvalidObjectState", 403, storage_class)

    bucket.restart()
    for storage_class in ARCHIVES:
        assert listed(bucket, storage_class).is_archived
        assert refusal(bucket, storage_class)[0] == "InvalidObjectState"


def test_a_copy_into_an_archive_is_archived(bucket: Bucket) -> None:
    bucket.put("x", b"content")
    source = {"Bucket": bucket.name, "Key": "x"}
    bucket.s3.copy_object(Bucket=bucket.name, Key="x", CopySource=source, StorageClass="GLACIER")
    assert listed(bucket, "x").is_archived
    assert refusal(bucket, "x")[0] == "InvalidObjectState"


def test_a_restored_object_is_read_and_listed_so_until_its_days_are_over(bucket: Bucket) -> None:
    bucket.put("a b+é", b"content", StorageClass="DEEP_ARCHIVE")
    bucket.s3.restore_object(Bucket=bucket.name, Key="a b+é", RestoreRequest={"Days": 7})
    for is_restarted in (False, True):
        if is_restarted:
            bucket.restart()
        assert listed(bucket, "a b+é").restore == "restored"
        assert not listed(bucket, "a b+é").is_archived
        assert bucket.body("a b+é") == b"content"
    restored = re.search('expiry-date="([^"]+) GMT"', bucket.head("a b+é")["Restore"])
    assert restored is not None
    left = parsedate_to_datetime(f"{restored.group(1)} GMT") - datetime.now(UTC)
    assert timedelta(days=6, hours=23) < left <= timedelta(days=7)

    bucket.put("ended", b"content", StorageClass="GLACIER")
    bucket.s3.restore_object(Bucket=bucket.name, Key="ended", RestoreRequest={"Days": -1})
    assert listed(bucket, "ended").is_archived
    assert refusal(bucket, "ended")[0] == "InvalidObjectState"


@pytest.mark.skipif(shutil.which("aws") is None, reason="there is no AWS CLI")
def test_the_command_of_the_reason_restores_the_object(bucket: Bucket) -> None:
    key = "HNU1/sub-1/anat/sub-1_T1w.nii.gz"
    bucket.put(key, b"content", StorageClass="DEEP_ARCHIVE")
    reason = archived_reason([listed(bucket, key)], bucket.name)
    assert reason.startswith("its T1w.nii.gz is archived (DEEP_ARCHIVE); `aws s3api restore-object ")
    command = shlex.split(reason.split("`")[1].replace("KEY", key))
    environment = {
        **os.environ,
        **bucket.server.credentials,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": bucket.server.endpoint_url,
    }
    subprocess.run(command, env=environment, check=True)
    assert bucket.body(key) == b"content"
    assert archived_reason([listed(bucket, key)], bucket.name) == ""
