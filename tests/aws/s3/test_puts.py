"""Many objects from one thread: bodies of any size, silent servers, refusals; see test_direct.py for its replies."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from support.direct_requests import is_direct_request, put
from support.kept_objects import KeptObjects

from opsctl.aws.s3 import connection as connections
from opsctl.aws.s3 import file_upload
from opsctl.aws.s3.bulk.puts import Puts
from opsctl.aws.s3.storage import Storage
from opsctl.core.errors import ErrorCode, Problem


def test_bodies_larger_than_the_sockets_memory_come_whole(kept: KeptObjects, direct_storage: Storage) -> None:
    bodies = {f"r/{number}": bytes([number]) * 8_000_000 for number in range(5)}
    put(direct_storage, *bodies.items())
    assert kept.objects == {f"/data/{key}": body for key, body in bodies.items()}
    assert all(map(is_direct_request, kept.requests))


def test_no_thread_for_each_object(kept: KeptObjects, direct_storage: Storage) -> None:
    before, most = threading.active_count(), 0

    def bodies() -> Iterator[tuple[str, bytes]]:
        nonlocal most
        for number in range(2_000):
            yield f"r/{number}", b"{}"
            if number > 1_000:
                senders = [thread for thread in threading.enumerate() if "process_request" not in thread.name]
                most = max(most, len(senders))

    put(direct_storage, *[("r/first", b"{}")])
    with direct_storage.putting_bodies("data", bodies()) as wait:
        wait()
    assert len(kept.objects) == 2_001
    # The connections are open by then: the thread that sends, and those of this test.
    assert most <= before + 4


def test_a_silent_server_is_given_up(
    kept: KeptObjects, direct_storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    go = threading.Event()
    kept.faults = [lambda: go.wait(20) and None]
    monkeypatch.setattr(connections, "_READ_SECONDS", 0.5)
    put(direct_storage, ("r/a", b"{}"))
    go.set()
    assert kept.objects == {"/data/r/a": b"{}"}
    assert [is_direct_request(request) for request in kept.requests] == [True, False]


def test_what_s3_refuses_is_not_taken_further(kept: KeptObjects, direct_storage: Storage) -> None:
    taken = []

    def bodies() -> Iterator[tuple[str, bytes]]:
        for number in range(5_000):
            taken.append(number)
            yield f"r/{number}", b"{}"

    kept.faults = [(403, "AccessDenied")] * 12_000
    with pytest.raises(Problem) as caught, direct_storage.putting_bodies("data", bodies()) as wait:
        wait()
    assert caught.value.code == ErrorCode.AWS_DENIED
    assert len(taken) <= 129


def test_after_ctrl_c_none_is_under_way(kept: KeptObjects, direct_storage: Storage) -> None:
    kept.faults = [lambda: time.sleep(0.1)] * 300
    with (
        pytest.raises(KeyboardInterrupt),
        direct_storage.putting_bodies("data", ((f"r/{n}", b"{}") for n in range(300))),
    ):
        raise KeyboardInterrupt
    number = len(kept.objects)
    time.sleep(0.3)
    assert number == len(kept.objects) < 300


def test_connections_are_used_again_by_those_that_wait(kept: KeptObjects, direct_storage: Storage) -> None:
    with mock.patch.object(socket, "create_connection", side_effect=socket.create_connection) as opened:
        for number in range(5):
            put(direct_storage, (f"r/{number}", b"{}"))
            assert direct_storage.get_bodies("data", [f"r/{number}"]) == {f"r/{number}": b"{}"}
    assert all(map(is_direct_request, kept.requests))
    assert opened.call_count == 1


def test_a_file_that_grows_meanwhile_goes_another_way(
    kept: KeptObjects, direct_storage: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"x")
    real = file_upload.FileUpload._small

    def grown(self: Any, *arguments: Any) -> Puts:
        path.write_bytes(b"y" * (file_upload._SMALL_BYTES + 5))
        return real(self, *arguments)

    monkeypatch.setattr(file_upload.FileUpload, "_small", grown)
    sent: list[tuple[str, int]] = []
    direct_storage.upload({"a": path}, "data", done=lambda key, size: sent.append((key, size)))
    assert kept.objects == {"/data/a": path.read_bytes()}
    assert sent == [("a", path.stat().st_size)]


@pytest.mark.parametrize("at_once", [1, 2, 128])
def test_all_are_sent_where_those_under_way_end_at_the_same_moment(
    kept: KeptObjects, direct_storage: Storage, at_once: int
) -> None:
    assert direct_storage.direct is not None
    bodies = {f"r/{number}": b"{}" for number in range(300)}
    Puts(
        direct_storage.direct,
        "data",
        bodies.items(),
        otherwise=lambda key, body: direct_storage.put_body("data", key, body),
        at_once=at_once,
    ).wait()
    assert len(kept.objects) == 300
