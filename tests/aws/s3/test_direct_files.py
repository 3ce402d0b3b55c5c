"""Files to and from S3 by plain HTTP: they come whole and right, whatever fails."""

from __future__ import annotations

import _thread
import hashlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.direct_requests import content_of, is_direct_request, storage_at
from support.kept_objects import KeptObjects

from opsctl.aws.s3 import file_upload
from opsctl.aws.s3.download import NotPublished, download
from opsctl.aws.s3.storage import Storage
from opsctl.core.runs.result import OutputFile
from opsctl.safe_folder import SafeFolder


def test_files_carry_their_sha256(kept: KeptObjects, direct_storage: Storage, tmp_path: Path) -> None:
    files = {
        f"D/{size}": tmp_path / str(size)
        for limit in (0, file_upload._SMALL_BYTES, file_upload._MIDDLE_BYTES)
        for size in (limit, limit + 1)
    }
    for path in files.values():
        path.write_bytes(b"x" * int(path.name))
    sent: list[tuple[str, int]] = []
    direct_storage.upload(files, "data", done=lambda key, size: sent.append((key, size)))
    assert sorted(sent) == sorted((key, int(path.name)) for key, path in files.items())
    assert kept.objects == {f"/data/{key}": path.read_bytes() for key, path in files.items()}
    assert all(map(is_direct_request, kept.requests))
    by_key = {request.path: request.headers for request in kept.requests}
    kept.requests.clear()
    storage_at(kept.url, is_direct=False).upload(files, "data", done=lambda key, size: None)
    checksums = ("x-amz-checksum-sha256", "x-amz-sdk-checksum-algorithm")
    for request in kept.requests:
        assert [by_key[request.path][name] for name in checksums] == [request.headers[name] for name in checksums]


@pytest.mark.parametrize("change", [b"", b"y" * 3_000_000, b"z" * 4_000_000], ids=["shorter", "other bytes", "longer"])
def test_a_file_that_changes_while_it_is_read_does_not_get_there_as_a_mixture(
    kept: KeptObjects, direct_storage: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: bytes
) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"x" * 3_000_000)
    real = file_upload.FileUpload._pieces

    def pieces(self: Any, file: Any, size: int) -> Iterator[bytes]:
        for piece in real(self, file, size):
            yield piece
            path.write_bytes(change)

    monkeypatch.setattr(file_upload.FileUpload, "_pieces", pieces)
    direct_storage.upload({"a": path}, "data", done=lambda key, size: None)
    assert kept.objects["/data/a"] == change
    # The server may note the request that broke off after the one that follows it, or not at all.
    assert sorted(is_direct_request(request) for request in kept.requests) in ([False, True], [False])


def test_ctrl_c_does_not_wait_for_a_server_that_is_silent(
    kept: KeptObjects, direct_storage: Storage, tmp_path: Path
) -> None:
    files = {f"D/{number}": tmp_path / str(number) for number in range(300)}
    for path in files.values():
        path.write_bytes(b"x")
    go, is_late = threading.Event(), threading.Event()

    def silence() -> None:
        _thread.interrupt_main()
        if not go.wait(20):
            is_late.set()

    kept.faults = [silence]
    with pytest.raises(KeyboardInterrupt):
        direct_storage.upload(files, "data", done=lambda key, size: None)
    go.set()
    assert not is_late.is_set()
    assert len(kept.objects) < 300


@pytest.mark.parametrize("fault", [None, "cut", "other bytes", (503, "SlowDown")])
def test_a_small_result_comes_whole_and_right(
    kept: KeptObjects, direct_storage: Storage, tmp_path: Path, fault: Any
) -> None:
    body = b"1,2\n" * 9000
    kept.objects["/data/D/a.csv"], kept.faults = body, [fault]
    file = OutputFile(
        uri="s3://data/D/a.csv",
        size_bytes=len(body),
        sha256=hashlib.sha256(body).hexdigest(),
        etag=hashlib.md5(body).hexdigest(),
    )
    with SafeFolder(tmp_path) as folder:
        download(
            direct_storage.client,
            file,
            folder,
            "x/a.csv",
            stop=threading.Event(),
            may_replace=lambda _: False,
            content=content_of(direct_storage.direct, file),
        )
    assert (tmp_path / "x/a.csv").read_bytes() == body
    assert [path.name for path in (tmp_path / "x").iterdir()] == ["a.csv"]
    assert [is_direct_request(request) for request in kept.requests] == ([True] if fault is None else [True, False])


def test_other_bytes_than_were_published_never_get_the_name(
    kept: KeptObjects, direct_storage: Storage, tmp_path: Path
) -> None:
    kept.objects["/data/D/a.csv"] = b"other"
    file = OutputFile(uri="s3://data/D/a.csv", size_bytes=5, sha256=hashlib.sha256(b"bytes").hexdigest())
    with SafeFolder(tmp_path) as folder, pytest.raises(NotPublished):
        download(
            direct_storage.client,
            file,
            folder,
            "a.csv",
            stop=threading.Event(),
            may_replace=lambda _: False,
            content=content_of(direct_storage.direct, file),
        )
    assert list(tmp_path.iterdir()) == []


def test_a_storm_of_faults_loses_no_file(kept: KeptObjects, direct_storage: Storage, tmp_path: Path) -> None:
    files = {f"D/{number}": tmp_path / str(number) for number in range(60)}
    for path in files.values():
        path.write_text(path.name)
    kept.faults = [(503, "SlowDown"), None, "gone", None] * 10
    sent: list[str] = []
    direct_storage.upload(files, "data", done=lambda key, size: sent.append(key))
    assert sorted(sent) == sorted(files)
    assert kept.objects == {f"/data/{key}": path.read_bytes() for key, path in files.items()}
