"""Many published files read from one thread: each comes once and right, or is left to botocore."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from support.direct_requests import is_direct_request, storage_at
from support.kept_objects import KeptObjects

from opsctl.aws.s3 import connection as connections
from opsctl.aws.s3.bulk import gets
from opsctl.aws.s3.bulk.gets import Gets
from opsctl.aws.s3.direct import Direct
from opsctl.core.runs.result import OutputFile


@pytest.fixture
def direct(kept: KeptObjects) -> Direct:
    direct = storage_at(kept.url).direct
    assert direct is not None
    return direct


def published(kept: KeptObjects, *bodies: bytes) -> list[Any]:
    """Files on the server, as they are published_files."""
    published_files = []
    for number, body in enumerate(bodies):
        kept.objects[f"/data/D/{number}"] = body
        sha256, etag = hashlib.sha256(body).hexdigest(), hashlib.md5(body, usedforsecurity=False).hexdigest()
        file = OutputFile(uri=f"s3://data/D/{number}", size_bytes=len(body), sha256=sha256, etag=etag)
        published_files.append(SimpleNamespace(number=number, file=file, body=body))
    return published_files


@pytest.mark.parametrize("at_once", [1, 2, 128])
def test_each_file_comes_once_and_right(kept: KeptObjects, direct: Direct, at_once: int) -> None:
    published_files = published(kept, *(b"%d," % number * (number * 37 % 400) for number in range(300)), b"x" * 900_000)
    contents = list(Gets(direct, published_files, at_once=at_once))
    assert sorted(item.number for item, _ in contents) == list(range(301))
    assert all(item.body == content for item, content in contents)
    assert all(map(is_direct_request, kept.requests))


def test_what_is_no_plain_success_is_left_to_botocore(kept: KeptObjects, direct: Direct) -> None:
    published_files = published(kept, *(b"body %d" % number for number in range(60)))
    kept.faults = [(503, "SlowDown"), None, "cut", None, "other bytes", (404, "NoSuchKey"), None, "gone"] * 5
    contents = list(Gets(direct, published_files, at_once=8))
    assert sorted(item.number for item, _ in contents) == list(range(60))
    assert {content for _, content in contents} > {None}
    assert all(content in (None, item.body) for item, content in contents)


def test_other_bytes_than_were_published_are_no_content(kept: KeptObjects, direct: Direct) -> None:
    published_files = published(kept, b"first", b"second")
    kept.objects["/data/D/0"] = b"FIRST"
    published_files[0].file = OutputFile(
        uri=published_files[0].file.uri, size_bytes=5, sha256=published_files[0].file.sha256
    )
    assert {item.number: content for item, content in Gets(direct, published_files, at_once=4)} == {
        0: None,
        1: b"second",
    }


def test_nothing_is_read_far_ahead_of_whoever_takes_it(
    kept: KeptObjects, direct: Direct, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gets, "_AHEAD", 3)
    taken = 0

    def published_files() -> Iterator[Any]:
        nonlocal taken
        for item in published(kept, *(b"x" for _ in range(200))):
            taken += 1
            yield item

    for given, _ in enumerate(Gets(direct, published_files(), at_once=5), start=1):
        assert taken <= given + 3 + 5 + 1


def test_once_it_is_stopped_the_files_end_and_so_does_its_thread(kept: KeptObjects, direct: Direct) -> None:
    reading = Gets(direct, published(kept, *(b"x" for _ in range(400))), at_once=8)
    next(reading)
    reading.stop(at_most_seconds=20)
    assert list(reading) == []
    assert not any(thread.is_alive() for thread in reading._threads)
    assert len(kept.requests) < 400


def test_a_silent_server_is_given_up(kept: KeptObjects, direct: Direct, monkeypatch: pytest.MonkeyPatch) -> None:
    go = threading.Event()
    kept.faults = [lambda: go.wait(20) and None]
    monkeypatch.setattr(connections, "_READ_SECONDS", 0.5)
    [(_, content)] = Gets(direct, published(kept, b"x"), at_once=4)
    go.set()
    assert content is None


def test_an_error_of_the_list_of_files_reaches_whoever_takes_them(kept: KeptObjects, direct: Direct) -> None:
    def published_files() -> Iterator[Any]:
        yield from published(kept, b"x")
        raise LookupError("lost")

    with pytest.raises(LookupError, match="lost"):
        list(Gets(direct, published_files(), at_once=4))
