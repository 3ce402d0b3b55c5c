"""S3 over HTTP: what was put is there after a restart, a kill -9, a replacement."""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError
from support.local_servers import Bucket, kill

from opsctl.core.errors import Problem
from opsctl.local.s3 import api as s3
from opsctl.local.s3.store import Store

PART = 5 * 1024 * 1024
ODD_KEYS = [
    "a b",
    "a+b",
    "a%20b",
    "ü/日本/😀",
    "../up",
    "x/../y",
    "//two",
    "x//y/",
    "x/",
    "q?a=b&c",
    "semi;colon",
    "'\"<&>",
]


def code(caught: pytest.ExceptionInfo[ClientError]) -> str:
    return str(caught.value.response["Error"]["Code"])


@pytest.mark.parametrize("hard", [False, True])
def test_everything_that_was_put_comes_back_as_it_was(bucket: Bucket, hard: bool, tmp_path: Path) -> None:
    for number, key in enumerate(ODD_KEYS):
        bucket.put(key, str(number).encode())
    bucket.put("facts", b"{}", ContentType="application/json", Metadata={"who": "me"}, Tagging="a=1")
    bucket.put("tagged later")
    tagging = {"TagSet": [{"Key": "b", "Value": "2"}]}
    bucket.s3.put_object_tagging(Bucket=bucket.name, Key="tagged later", Tagging=tagging)
    large = tmp_path / "large"
    large.write_bytes(bytes(range(256)) * (PART // 128))
    config = TransferConfig(multipart_threshold=PART, multipart_chunksize=PART)
    bucket.s3.upload_file(str(large), bucket.name, "large", Config=config)
    bucket.s3.copy_object(Bucket=bucket.name, Key="copy", CopySource={"Bucket": bucket.name, "Key": "facts"})
    bucket.put("gone")
    bucket.put("gone too")
    bucket.s3.delete_object(Bucket=bucket.name, Key="gone")
    bucket.s3.delete_objects(Bucket=bucket.name, Delete={"Objects": [{"Key": "gone too"}]})
    keys = bucket.keys()
    assert sorted(keys) == sorted([*ODD_KEYS, "facts", "tagged later", "large", "copy"])
    assert keys == sorted(keys, key=str.encode)
    before = {key: bucket.head(key) for key in keys}
    assert before["large"]["ETag"].endswith('-2"')
    assert before["facts"]["ETag"].strip('"') == hashlib.md5(b"{}").hexdigest()

    bucket.restart(hard=hard)

    assert bucket.keys() == keys
    assert {key: bucket.head(key) for key in keys} == before
    assert [bucket.body(key) for key in ODD_KEYS] == [str(number).encode() for number in range(len(ODD_KEYS))]
    assert bucket.body("large") == large.read_bytes()
    for key, tag in (("facts", {"Key": "a", "Value": "1"}), ("tagged later", {"Key": "b", "Value": "2"})):
        assert bucket.s3.get_object_tagging(Bucket=bucket.name, Key=key)["TagSet"] == [tag]
    assert len(bucket.blobs()) == len(keys)


def test_a_killed_server_keeps_each_object_that_it_had_answered(bucket: Bucket) -> None:
    answered: list[str] = []

    def put(worker: int) -> None:
        for number in range(1000):
            try:
                bucket.put(f"{worker}/{number}", f"{worker} {number}".encode())
            except Exception:
                return
            answered.append(f"{worker}/{number}")
            if len(answered) == 60:
                kill(bucket.server)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(put, range(4)))
    bucket.restart()
    keys = bucket.keys()
    assert set(answered) <= set(keys)
    assert len(answered) >= 60
    for key in keys:
        assert bucket.body(key) == key.replace("/", " ").encode()
    assert len(bucket.blobs()) == len(keys)


def test_replaced_and_deleted_objects_leave_nothing_on_the_disk(bucket: Bucket) -> None:
    for number in range(3):
        bucket.put("same", b"%d" % number)
    bucket.put("other")
    bucket.s3.delete_object(Bucket=bucket.name, Key="other")
    upload = bucket.s3.create_multipart_upload(Bucket=bucket.name, Key="parts")["UploadId"]
    part = {"Bucket": bucket.name, "Key": "parts", "UploadId": upload}
    bucket.s3.upload_part(**part, PartNumber=1, Body=b"1")
    bucket.s3.abort_multipart_upload(**part)
    assert bucket.body("same") == b"2"
    assert len(bucket.blobs()) == 1


def test_of_twenty_conditional_puts_one_wins(bucket: Bucket) -> None:
    for number in range(5):
        key = f"claims/{number}"

        def put(worker: int, key: str = key) -> int:
            try:
                bucket.put(key, b"%d" % worker, IfNoneMatch="*")
            except ClientError as error:
                if error.response["Error"]["Code"] != "PreconditionFailed":
                    raise
                return -1
            return worker

        with ThreadPoolExecutor(20) as pool:
            winners = [worker for worker in pool.map(put, range(20)) if worker >= 0]
        assert len(winners) == 1
        assert bucket.body(key) == b"%d" % winners[0]


def test_a_claim_holds_over_a_restart(bucket: Bucket) -> None:
    bucket.put("claim", IfNoneMatch="*")
    bucket.restart(hard=True)
    with pytest.raises(ClientError) as caught:
        bucket.put("claim", IfNoneMatch="*")
    assert code(caught) == "PreconditionFailed"


def test_an_upload_ended_by_a_restart_is_unknown_and_its_parts_are_gone(bucket: Bucket) -> None:
    upload = bucket.s3.create_multipart_upload(Bucket=bucket.name, Key="parts")["UploadId"]
    part = {"Bucket": bucket.name, "Key": "parts", "UploadId": upload}
    etag = bucket.s3.upload_part(**part, PartNumber=1, Body=b"1")["ETag"]
    assert len(bucket.blobs()) == 1
    bucket.restart()
    assert bucket.blobs() == []
    with pytest.raises(ClientError) as caught:
        bucket.s3.complete_multipart_upload(**part, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]})
    assert code(caught) == "NoSuchUpload"


def test_parts_of_a_large_object_are_read_without_the_rest(bucket: Bucket) -> None:
    body = b"".join(b"%015d\n" % number for number in range(400_000))
    bucket.put("large", body)
    assert bucket.body("large", Range="bytes=3200000-3200015") == b"000000000200000\n"
    assert bucket.body("large", Range="bytes=-16") == b"000000000399999\n"
    assert bucket.body("large") == body
    bucket.s3.copy_object(Bucket=bucket.name, Key="copy", CopySource={"Bucket": bucket.name, "Key": "large"})
    assert bucket.head("copy")["ETag"] == bucket.head("large")["ETag"]


def test_readers_of_an_object_that_is_being_replaced_see_one_or_the_other(bucket: Bucket) -> None:
    bucket.put("busy", b"0" * 100)

    def read(_: int) -> set[bytes]:
        return {bucket.body("busy") for _ in range(20)}

    with ThreadPoolExecutor(4) as pool:
        readers = [pool.submit(read, number) for number in range(3)]
        for number in range(40):
            bucket.put("busy", b"%d" % (number % 10) * 100)
        seen = set().union(*(reader.result() for reader in readers))
    assert all(len(body) == 100 and len(set(body)) == 1 for body in seen)


def test_a_request_that_meets_a_vanished_blob_looks_again(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter((FileNotFoundError("replaced meanwhile"), FileNotFoundError("and again"), (200, {}, b"new")))

    def moto(*_: object) -> object:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(s3.responses.S3Response, "key_response", moto)
    assert s3.DurableS3Response().key_response(SimpleNamespace(method="GET"), "", {}) == (200, {}, b"new")


def test_a_key_is_never_a_file_name(bucket: Bucket) -> None:
    bucket.put("../../escape")
    index = bucket.home / "local" / "objects" / "index.sqlite3"
    with sqlite3.connect(f"file:{index}?mode=ro", uri=True) as connection:
        rows = connection.execute("SELECT key FROM objects WHERE bucket = ?", (bucket.name,)).fetchall()
    assert rows == [(b"../../escape",)]
    assert not (bucket.home / "local" / "escape").exists()
    assert not list(bucket.home.rglob("*escape*"))


def test_without_the_index_nothing_is_swept_away(tmp_path: Path) -> None:
    store = Store(tmp_path)
    blob = store.write((b"x",))
    store.close()
    (tmp_path / "index.sqlite3").unlink()
    with pytest.raises(Problem, match="is gone"):
        Store(tmp_path)
    assert blob.path.read_bytes() == b"x"


def test_an_object_whose_bytes_are_gone_is_not_listed(bucket: Bucket) -> None:
    bucket.put("lost")
    (lost,) = bucket.blobs()
    bucket.put("kept")
    lost.unlink()
    bucket.restart()
    assert bucket.keys() == ["kept"]


def test_a_blob_and_its_folder_are_synced_before_the_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[tuple[Path, int]] = []
    store = Store(tmp_path)
    monkeypatch.setattr(
        os, "fsync", lambda fd: synced.append((Path(os.readlink(f"/proc/self/fd/{fd}")), os.fstat(fd).st_size))
    )
    blob = store.write((b"some", b"bytes"))
    store.close()
    assert [path for path, _ in synced] == [blob.path, blob.path.parent]
    # The file was whole when it was synced.
    assert synced[0][1] == 9


def test_a_blob_that_cannot_be_written_whole_leaves_nothing(tmp_path: Path) -> None:
    def chunks() -> Iterator[bytes]:
        yield b"some"
        raise OSError(28, "No space left on device")

    store = Store(tmp_path)
    with pytest.raises(OSError, match="No space"):
        store.write(chunks())
    store.close()
    assert not list((tmp_path / "blobs").glob("??/*"))
