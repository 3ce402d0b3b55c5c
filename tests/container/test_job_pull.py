"""A large input comes in parts, many at once, and all of one object."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from boto3.s3.transfer import TransferConfig
from m2g_job import staging
from m2g_job.faults import WrongInput
from m2g_job.s3 import S3, ObjectHead, make_client
from m2g_job.scan import Input
from m2g_job.stop import StopRequest
from support.job_s3 import LocalS3, Request

PART_BYTES = 16 * 1024 * 1024
KEY = "HNU1/sub-1/dwi/sub-1_dwi.nii.gz"
URI = f"s3://data/{KEY}"


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalS3]:
    with LocalS3() as server:
        for name, value in server.credentials.items():
            monkeypatch.setenv(name, value)
        server.client.create_bucket(Bucket="data")
        yield server
        server.reset()


def put(s3: LocalS3, tmp_path: Path, data: bytes) -> None:
    """Upload as `aws s3 cp` does: in parts, and then the etag is no MD5."""
    path = tmp_path / "theirs"
    path.write_bytes(data)
    config = TransferConfig(multipart_threshold=1, multipart_chunksize=8 * 1024 * 1024, use_threads=False)
    s3.client.upload_file(str(path), "data", KEY, Config=config)


def is_part(request: Request) -> bool:
    return request.method == "GET" and request.key == KEY


def test_six_parts_are_under_way_at_once_and_make_one_file(s3: LocalS3, tmp_path: Path) -> None:
    data = os.urandom(1024) * (5 * 16 * 1024) + b"end"
    put(s3, tmp_path, data)
    hold = s3.hold(is_part)
    target, sizes, lock = tmp_path / "ours", [], threading.Lock()

    def count(size: int) -> None:
        with lock:
            sizes.append(size)

    with ThreadPoolExecutor(1) as pool:
        download = pool.submit(S3(make_client()).download, URI, str(target), on_bytes=count)
        hold.wait(6)
        hold.released.set()
        download.result(timeout=120)

    assert hashlib.sha256(target.read_bytes()).digest() == hashlib.sha256(data).digest()
    assert sum(sizes) == len(data)
    parts = sorted(request.headers["range"] for request in s3.requests if is_part(request))
    assert parts[0] == f"bytes=0-{PART_BYTES - 1}"
    assert len(parts) == 6


def test_a_file_that_is_replaced_while_its_parts_come_is_refused(s3: LocalS3, tmp_path: Path) -> None:
    put(s3, tmp_path, b"a" * (PART_BYTES + 7))
    head = S3(make_client()).head(URI)
    assert not head.plain_md5
    hold = s3.hold(lambda request: is_part(request) and request.headers["range"].startswith(f"bytes={PART_BYTES}-"))
    entry = Input(URI, "dwi", head.size_bytes, head.etag)

    with ThreadPoolExecutor(1) as pool:
        pull = pool.submit(staging._download, S3(make_client()), entry, str(tmp_path / "ours"), StopRequest())
        hold.wait()
        put(s3, tmp_path, b"b" * (PART_BYTES + 7))
        hold.released.set()
        with pytest.raises(WrongInput, match="sub-1_dwi.nii.gz has changed since the run was submitted"):
            pull.result(timeout=120)


def test_the_etag_of_an_object_with_a_kms_key_is_compared_with_no_md5(s3: LocalS3, tmp_path: Path) -> None:
    # Its etag looks like an MD5, and is none.
    s3.client.put_object(Bucket="data", Key=KEY, Body=b"voxels", ServerSideEncryption="aws:kms")
    head = S3(make_client()).head(URI)
    assert (len(head.etag), head.plain_md5) == (32, False)
    (tmp_path / "ours").write_bytes(b"voxels")
    assert staging._difference(str(tmp_path / "ours"), ObjectHead(6, "0" * 32, plain_md5=head.plain_md5)) is None


def small_input(s3: LocalS3, body: bytes) -> Input:
    etag = s3.client.put_object(Bucket="data", Key=KEY, Body=body)["ETag"].strip('"')
    s3.requests.clear()
    return Input(URI, "dwi", len(body), etag)


def test_a_small_file_is_one_request(s3: LocalS3, tmp_path: Path) -> None:
    staging._download(S3(make_client()), small_input(s3, b"voxels"), str(tmp_path / "ours"), StopRequest())

    assert (tmp_path / "ours").read_bytes() == b"voxels"
    assert [(request.method, request.key) for request in s3.requests] == [("GET", KEY)]


def test_of_a_small_file_that_was_replaced_no_byte_is_read(s3: LocalS3, tmp_path: Path) -> None:
    entry = small_input(s3, b"voxels")
    s3.client.put_object(Bucket="data", Key=KEY, Body=b"others")

    with pytest.raises(WrongInput, match="sub-1_dwi.nii.gz has changed since the run was submitted"):
        staging._download(S3(make_client()), entry, str(tmp_path / "ours"), StopRequest())
    assert (tmp_path / "ours").read_bytes() == b""


def test_a_small_file_that_breaks_off_is_read_again(s3: LocalS3, tmp_path: Path) -> None:
    entry = small_input(s3, b"voxels" * 1000)
    s3.cut_bodies(lambda request: len([sent for sent in s3.requests if is_part(sent)]) == 1)

    staging._download(S3(make_client()), entry, str(tmp_path / "ours"), StopRequest())

    assert (tmp_path / "ours").read_bytes() == b"voxels" * 1000
    assert len(s3.requests) == 2
