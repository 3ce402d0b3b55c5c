"""The disk of the local platform's objects is full: an answer of S3's, nothing half, nothing lost, nothing undone.

`BAD_LUCK_CHANGES=4000 pytest tests/bad_luck/test_full_store.py` makes 4,000 changes instead of 40.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from support.local_servers import SHELL, client, kill
from support.small_disk import SmallDisk, small_disk

from opsctl.aws.errors import translated
from opsctl.core.errors import ErrorCode, Problem
from opsctl.local import control

PAGE = 4096
CHANGES = int(os.environ.get("BAD_LUCK_CHANGES", "40"))


class FullStore:
    """A server whose home is a small disk, and what its buckets hold by the answers that it gave."""

    def __init__(self, disk: SmallDisk) -> None:
        self.disk = disk
        self.server = control.start(disk.path, slots=1, entrypoint=SHELL)
        self.s3 = client(self.server, "s3")
        self.s3.create_bucket(Bucket="data")

    def restart(self, *, hard: bool) -> None:
        if hard:
            kill(self.server)
        else:
            control.stop(self.server)
        self.server = control.start(self.disk.path, slots=1, entrypoint=SHELL)
        self.s3 = client(self.server, "s3")

    def everything(self) -> dict[str, Any]:
        """Every bucket, its tags, and its objects' bytes and tags, as S3 shows them."""
        buckets = [bucket["Name"] for bucket in self.s3.list_buckets()["Buckets"]]
        return {name: (self._bucket_tags(name), self._objects(name)) for name in buckets}

    def _bucket_tags(self, bucket: str) -> list[dict[str, str]]:
        try:
            tags: list[dict[str, str]] = self.s3.get_bucket_tagging(Bucket=bucket)["TagSet"]
        except self.s3.exceptions.ClientError:
            # NoSuchTagSet
            return []
        return tags

    def _objects(self, bucket: str) -> dict[str, tuple[bytes, Any]]:
        listed = self.s3.list_objects_v2(Bucket=bucket).get("Contents", [])
        return {
            entry["Key"]: (
                self.s3.get_object(Bucket=bucket, Key=entry["Key"])["Body"].read(),
                self.s3.get_object_tagging(Bucket=bucket, Key=entry["Key"])["TagSet"],
            )
            for entry in listed
        }

    def blob_count(self) -> int:
        return len(list((self.disk.path / "local" / "objects" / "blobs").glob("??/*")))


@contextmanager
def full_store(folder: Path) -> Iterator[FullStore]:
    with small_disk(folder, size_mb=8) as disk:
        try:
            yield FullStore(disk)
        finally:
            disk.free()
            control.stop(disk.path)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FullStore]:
    with full_store(tmp_path_factory.mktemp("disks") / "store") as store:
        yield store


def _change(store: FullStore, choose: random.Random) -> None:
    """Make one change of any kind."""
    s3, key = store.s3, f"key-{choose.randrange(6)}"
    body = bytes([choose.randrange(256)]) * choose.choice((1, 3, PAGE + 1, 5 * PAGE))
    match choose.choice(("put", "put", "put", "new", "delete", "delete several", "tag", "bucket", "bucket tags")):
        case "put":
            s3.put_object(Bucket="data", Key=key, Body=body)
        case "new":
            s3.put_object(Bucket="data", Key=key, Body=body, IfNoneMatch="*")
        case "delete":
            s3.delete_object(Bucket="data", Key=key)
        case "delete several":
            names = [{"Key": f"key-{number}"} for number in (1, 2)]
            s3.delete_objects(Bucket="data", Delete={"Objects": names})
        case "tag":
            s3.put_object_tagging(Bucket="data", Key=key, Tagging=_tags(choose))
        case "bucket tags":
            s3.put_bucket_tagging(Bucket="data", Tagging=_tags(choose))
        case "bucket":
            if len(s3.list_buckets()["Buckets"]) > 1:
                s3.delete_bucket(Bucket="other")
            else:
                s3.create_bucket(Bucket="other")


def _tags(choose: random.Random) -> dict[str, Any]:
    return {"TagSet": [{"Key": "a", "Value": str(choose.randrange(1000))}]}


def test_a_change_that_is_refused_is_none_and_one_that_is_answered_holds(store: FullStore) -> None:
    choose = random.Random(16)
    failures = 0
    for number in range(CHANGES):
        if number % 3 == 0:
            store.disk.fill(but_bytes=choose.choice((0, 1, 1, 2, 3, 8)) * PAGE)
        before = store.everything()
        try:
            _change(store, choose)
        except ClientError as error:
            # The others are S3's usual ones: no such key, a claim that is taken.
            failures += error.response["Error"]["Code"] == "InternalError"
            assert store.everything() == before
    answered = store.everything()
    store.disk.free()
    store.restart(hard=True)
    assert store.everything() == answered
    # Nothing half is left, and nothing whose change was refused.
    assert store.blob_count() == len(answered["data"][1])
    assert failures > CHANGES // 10


def test_the_index_can_fail_after_the_bytes_are_written(store: FullStore) -> None:
    choose = random.Random(17)
    seen = "database or disk is full"
    log = control.Files(store.disk.path).log
    for _ in range(100):
        store.disk.fill(but_bytes=PAGE)
        before = store.everything()
        blobs = store.blob_count()
        with pytest.raises(ClientError, match="InternalError"):
            for _ in range(20):
                store.s3.put_object(Bucket="data", Key="claim", Body=b"1", IfNoneMatch="*")
                store.s3.delete_object(Bucket="data", Key="claim")
        store.disk.free()
        if seen in log.read_text():
            break
        store.s3.put_object(Bucket="data", Key=f"grow-{choose.random()}", Body=b"1")
    assert seen in log.read_text()
    assert store.everything() == before
    assert store.blob_count() == blobs
    # The same call goes on once there is room: no claim of nobody's is in its way.
    store.s3.put_object(Bucket="data", Key="claim", Body=b"1", IfNoneMatch="*")


def test_opsctl_says_that_the_disk_is_full(store: FullStore) -> None:
    store.disk.fill()
    with pytest.raises(Problem) as caught, translated("writing s3://data/x"):
        store.s3.put_object(Bucket="data", Key="x", Body=bytes(PAGE))
    store.disk.free()
    assert caught.value.code is ErrorCode.DISK_FULL
    assert caught.value.what.startswith("The local platform's disk is full")
