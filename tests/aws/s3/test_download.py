"""One file on its way home, over real HTTP: bodies that break off, objects that change, processes that are killed."""

from __future__ import annotations

import errno
import fcntl
import multiprocessing
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from support.object_server import ObjectServer, object_client
from support.scripted_http import Reply, Request

from opsctl.aws.s3 import download as module
from opsctl.aws.s3 import partial_file
from opsctl.aws.s3.download import NotPublished, download
from opsctl.aws.s3.partial_file import PartialFile, is_complete, part_name
from opsctl.core.errors import Interrupted, Problem
from opsctl.core.runs.result import OutputFile
from opsctl.open_folder import nothing_replaced
from opsctl.safe_folder import SafeFolder

# Several of the pieces that a body is read in; no two of them alike.
PART = part_name("a.csv")
BODY = b"".join(number.to_bytes(4, "big") for number in range(600_000))


@pytest.fixture
def server() -> Iterator[ObjectServer]:
    with ObjectServer(BODY) as made:
        yield made


def get(server: ObjectServer, target: Path, file: OutputFile | None = None, *, attempts: int = 1) -> None:
    get_with(object_client(server.url, attempts=attempts), file or server.file(), target, threading.Event())


def get_with(client: Any, file: OutputFile, target: Path, stop: threading.Event) -> None:
    """Download into the folder of a target, which opsctl may replace."""
    with SafeFolder(target.parent) as folder:
        download(client, file, folder, target.name, stop=stop, may_replace=lambda _: True)


@contextmanager
def part_of(target: Path, kind: type[PartialFile] = PartialFile) -> Iterator[PartialFile]:
    with (
        SafeFolder(target.parent) as root,
        root.folder() as folder,
        kind(folder, target.name, stop=threading.Event()) as part,
    ):
        yield part


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_a_file_comes_under_its_etag_and_nothing_stays_beside_it(server: ObjectServer, tmp_path: Path) -> None:
    with SafeFolder(tmp_path) as folder:
        client, file = object_client(server.url), server.file()
        download(client, file, folder, "deep/a.csv", stop=threading.Event(), may_replace=nothing_replaced)
    assert (tmp_path / "deep" / "a.csv").read_bytes() == BODY
    assert names(tmp_path) == ["a.csv"]
    assert server.asked == [("", server.etag)]


def test_an_empty_file(tmp_path: Path) -> None:
    with ObjectServer(b"") as server:
        get(server, tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_bytes() == b""
    assert names(tmp_path) == ["a.csv"]


# As long as each try gets further, there may be more of them than are made in vain.
@pytest.mark.parametrize(("fault", "times"), [("cut", 8), ("reset", 3)])
def test_a_body_that_breaks_off_goes_on_where_it_broke(
    server: ObjectServer, tmp_path: Path, fault: str, times: int
) -> None:
    server.faults = [fault] * times
    get(server, tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_bytes() == BODY
    starts = [int(wanted.removeprefix("bytes=").rstrip("-") or 0) for wanted, _ in server.asked]
    assert len(starts) == times + 1
    # A reset throws away what the kernel has not yet handed on; what was read is never asked for twice.
    assert starts == (sorted(starts) if fault == "reset" else sorted(set(starts)))
    assert {etag for _, etag in server.asked} == {server.etag}


def test_what_an_interrupted_download_left_is_gone_on_from(server: ObjectServer, tmp_path: Path) -> None:
    (tmp_path / PART).write_bytes(BODY[:1_000_000])
    get(server, tmp_path / "a.csv")
    assert server.asked == [("bytes=1000000-", server.etag)]
    assert (tmp_path / "a.csv").read_bytes() == BODY
    assert names(tmp_path) == ["a.csv"]


def test_a_part_that_is_whole_is_only_checked(server: ObjectServer, tmp_path: Path) -> None:
    (tmp_path / PART).write_bytes(BODY)
    get(server, tmp_path / "a.csv")
    assert server.asked == []
    with (tmp_path / "a.csv").open("rb") as file:
        assert is_complete(file, server.file())


@pytest.mark.parametrize("left", [b"other bytes" * 1000, BODY + b"more", b"x" * len(BODY)])
def test_a_part_of_something_else_does_not_get_into_the_file(server: ObjectServer, tmp_path: Path, left: bytes) -> None:
    (tmp_path / PART).write_bytes(left)
    get(server, tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_bytes() == BODY
    assert server.asked[-1][0] == ""


def test_a_server_that_ignores_ranges(server: ObjectServer, tmp_path: Path) -> None:
    (tmp_path / PART).write_bytes(BODY[:999])
    server.faults = ["no ranges"]
    get(server, tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_bytes() == BODY
    assert len(server.asked) == 1


def test_an_object_that_changed_starts_anew(server: ObjectServer, tmp_path: Path) -> None:
    """Same bytes under another etag (a copied bucket) are the file; others are not, whatever their first half."""
    (tmp_path / PART).write_bytes(BODY[:1000])
    get(server, tmp_path / "a.csv", server.file(etag="0" * 32))
    assert [wanted for wanted, _ in server.asked] == ["bytes=1000-", ""]
    assert (tmp_path / "a.csv").read_bytes() == BODY


def test_an_object_that_changes_between_two_pieces_is_not_mixed(server: ObjectServer, tmp_path: Path) -> None:
    published = server.file(etag="")
    server.faults = ["cut"]
    real = server.reply

    def change_after(request: Request) -> Reply | None:
        reply = real(request)
        server.body = BODY[::-1]
        return reply

    server.reply = change_after
    with pytest.raises(NotPublished, match="is not the file that the job published"):
        get(server, tmp_path / "a.csv", published)
    assert names(tmp_path) == []
    # The second request was guarded by the first one's etag.
    assert [bool(etag) for _, etag in server.asked[:3]] == [False, True, False]


def test_other_bytes_than_were_published_never_get_the_name(server: ObjectServer, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"mine")
    for body in (BODY[:-1], BODY + b"x", BODY[:-1] + b"x"):
        published = server.file()
        server.body = body
        with pytest.raises(NotPublished) as caught:
            get(server, tmp_path / "a.csv", published)
        assert "run the scan again" in caught.value.hint
        assert names(tmp_path) == ["a.csv"]
        assert (tmp_path / "a.csv").read_bytes() == b"mine"
        server.body = BODY


def test_an_object_that_is_gone(s3: Any, tmp_path: Path) -> None:
    file = OutputFile(uri="s3://data/none", size_bytes=1, sha256="00")
    with pytest.raises(NotPublished, match="s3://data/none is gone"):
        get_with(s3, file, tmp_path / "a", threading.Event())
    assert names(tmp_path) == []


def test_moto_agrees(s3: Any, tmp_path: Path) -> None:
    etag = s3.put_object(Bucket="data", Key="a b+é%20", Body=b"12345")["ETag"].strip('"')
    digest = "5994471abb01112afcc18159f6cc74b4f511b99806da59b3caf5a9c173cacfc5"
    (tmp_path / part_name("a")).write_bytes(b"123")
    file = OutputFile(uri="s3://data/a b+é%20", size_bytes=5, sha256=digest, etag=etag)
    get_with(s3, file, tmp_path / "a", threading.Event())
    assert (tmp_path / "a").read_bytes() == b"12345"


def test_s3_that_asks_to_slow_down_is_asked_again(server: ObjectServer, tmp_path: Path) -> None:
    server.faults = ["slow down", "cut", "slow down"]
    get(server, tmp_path / "a.csv", attempts=3)
    assert (tmp_path / "a.csv").read_bytes() == BODY


def test_a_body_that_never_comes_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of one byte is nothing: each try gets no further than the one before."""
    monkeypatch.setattr(module, "_WAIT_SECONDS", 0.001)
    with ObjectServer(b"x") as server:
        server.faults = ["cut"] * 100
        with pytest.raises(Problem, match="while fetching s3://data/D/a"):
            get(server, tmp_path / "a.csv")
        assert len(server.asked) == 5
    assert names(tmp_path) == []


def test_what_has_arrived_of_a_file_that_is_given_up_stays_for_the_next_time(
    server: ObjectServer, tmp_path: Path
) -> None:
    server.faults = ["cut", *["slow down"] * 9]
    with pytest.raises(Problem, match="slow down"):
        get(server, tmp_path / "a.csv")
    assert names(tmp_path) == [PART]
    assert BODY.startswith((tmp_path / PART).read_bytes())


def _process(url: str, file: OutputFile, target: Path) -> None:
    get_with(object_client(url), file, target, threading.Event())


@pytest.fixture
def another() -> Iterator[Any]:
    """Downloads in a process of its own."""
    started: list[Any] = []

    def start(server: ObjectServer, target: Path) -> Any:
        spawned = multiprocessing.get_context("spawn").Process(
            target=_process, args=(server.url, server.file(), target), daemon=True
        )
        spawned.start()
        started.append(spawned)
        return spawned

    yield start
    for one in started:
        one.kill()
        one.join()


def test_a_kill_in_the_middle_leaves_no_wrong_file_and_the_next_goes_on(
    server: ObjectServer, tmp_path: Path, another: Any
) -> None:
    server.faults = ["hold"]
    process = another(server, tmp_path / "a.csv")
    assert server.half_sent.wait(30)
    part = tmp_path / PART
    while not part.stat().st_size:
        process.join(0.01)
    process.kill()
    process.join()
    assert names(tmp_path) == [PART]
    left = part.read_bytes()
    assert left
    assert BODY.startswith(left)
    get(server, tmp_path / "a.csv")
    assert server.asked[1][0] == f"bytes={len(left)}-"
    assert (tmp_path / "a.csv").read_bytes() == BODY
    assert names(tmp_path) == ["a.csv"]


def test_two_processes_fetch_one_file_once(server: ObjectServer, tmp_path: Path, another: Any) -> None:
    """The second waits for the first, and then finds the file: it does not write into it under its new name."""
    server.faults = ["hold"]
    first = another(server, tmp_path / "a.csv")
    assert server.half_sent.wait(30)
    waiting = threading.Thread(target=get, args=(server, tmp_path / "a.csv"))
    waiting.start()
    waiting.join(0.5)
    assert waiting.is_alive()
    server.go.set()
    first.join(30)
    waiting.join(30)
    assert first.exitcode == 0
    assert not waiting.is_alive()
    assert (tmp_path / "a.csv").read_bytes() == BODY
    assert len(server.asked) == 1
    assert names(tmp_path) == ["a.csv"]


def test_a_wait_for_another_process_can_be_stopped(server: ObjectServer, tmp_path: Path) -> None:
    stop = threading.Event()
    stop.set()
    with part_of(tmp_path / "a.csv"), pytest.raises(Interrupted):
        get_with(object_client(server.url), server.file(), tmp_path / "a.csv", stop)
    assert server.asked == []


def test_stopping_keeps_what_is_here(server: ObjectServer, tmp_path: Path) -> None:
    stop = threading.Event()
    stop.set()
    (tmp_path / PART).write_bytes(BODY[:1000])
    with pytest.raises(Interrupted):
        get_with(object_client(server.url), server.file(), tmp_path / "a.csv", stop)
    assert names(tmp_path) == [PART]
    assert BODY.startswith((tmp_path / PART).read_bytes())


def test_a_part_that_got_its_name_while_it_was_waited_for_is_not_written_into(tmp_path: Path) -> None:
    target = tmp_path / "a"
    ready, opened = threading.Event(), threading.Event()

    class Waiting(PartialFile):
        def _is_locked(self) -> bool:
            if not opened.is_set():
                opened.set()  # this one has the part open, and now the other one finishes it
                assert ready.wait(10)
            return super()._is_locked()

    def second() -> None:
        with part_of(target, Waiting) as part:
            part.file.write(b"second")

    thread = threading.Thread(target=second)
    with part_of(target) as part:
        thread.start()
        assert opened.wait(10)
        part.file.write(b"first!")
        part.finish(may_replace=nothing_replaced)
    ready.set()
    thread.join(10)
    assert target.read_bytes() == b"first!"
    assert (tmp_path / part_name("a")).read_bytes() == b"second"


def test_a_process_that_has_the_file_and_does_not_go_on_is_not_waited_for(
    server: ObjectServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partial_file, "_STALLED_SECONDS", 0.2)
    target = tmp_path / "a.csv"
    with part_of(target) as stopped:
        stopped.file.write(BODY[:1000])
        get(server, target)
        assert target.read_bytes() == BODY
        # It goes on after all.
        stopped.file.write(BODY[1000:])
        stopped.finish(may_replace=lambda _: True)
    assert target.read_bytes() == BODY
    assert names(tmp_path) == ["a.csv"]


def test_a_process_that_goes_on_is_waited_for(
    server: ObjectServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partial_file, "_STALLED_SECONDS", 0.15)
    monkeypatch.setattr(partial_file, "_WAIT_SECONDS", 0.1)
    target = tmp_path / "a.csv"
    with part_of(target) as part:
        waits: list[float] = []

        class Stop(threading.Event):
            def wait(self, timeout: float | None = None) -> bool:
                waits.append(timeout or 0.0)
                part.file.write(BODY[len(waits) - 1 : len(waits)])
                return len(waits) == 20

        with pytest.raises(Interrupted):
            get_with(object_client(server.url), server.file(), target, Stop())
    assert names(tmp_path) == [PART]


def test_a_full_disk_is_not_left_full_of_halves(
    server: ObjectServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, written = module._Fetch._write, []

    def write(self: Any, chunk: bytes) -> None:
        if written:
            raise OSError(errno.ENOSPC, "No space left on device")
        written.append(chunk)
        real(self, chunk)

    monkeypatch.setattr(module._Fetch, "_write", write)
    with pytest.raises(OSError, match="No space left"):
        get(server, tmp_path / "a.csv")
    assert written
    assert names(tmp_path) == []


def test_a_file_system_without_locks(server: ObjectServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def flock(file: Any, operation: int) -> None:
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr(fcntl, "flock", flock)
    get(server, tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_bytes() == BODY
