"""Below a folder that a user names nothing is reached through a link, and nothing is replaced unasked."""

from __future__ import annotations

import errno
import os
import shutil
import socket
import stat
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from opsctl.open_folder import InTheWay, Taken, nothing_replaced
from opsctl.safe_folder import SHARED_MODE, SafeFolder


def write(root: Path, place: str, data: bytes = b"new", **options: Any) -> None:
    with SafeFolder(root) as folder:
        folder.write(place, data, mode=SHARED_MODE, **options)


def names(root: Path) -> list[str]:
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*"))


@pytest.fixture
def outside(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of somebody else, with a file."""
    folder = tmp_path_factory.mktemp("outside")
    (folder / "victim").write_text("kept")
    return folder


def test_a_file_is_written_whole_and_its_folders_are_made(tmp_path: Path) -> None:
    write(tmp_path, "a/b/c")
    assert names(tmp_path) == ["a", "a/b", "a/b/c"]
    assert (tmp_path / "a/b/c").read_bytes() == b"new"
    assert stat.S_IMODE((tmp_path / "a/b/c").stat().st_mode) == 0o644


def test_the_folder_that_was_named_may_be_a_link(tmp_path: Path, outside: Path) -> None:
    (tmp_path / "named").symlink_to(outside)
    write(tmp_path / "named", "a")
    assert names(outside) == ["a", "victim"]


def link(place: Path, target: Path) -> None:
    place.symlink_to(target)


def link_to_nothing(place: Path, target: Path) -> None:
    place.symlink_to(target.with_name("none"))


def pipe(place: Path, _: Path) -> None:
    os.mkfifo(place)


def listening(place: Path, _: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        folder = os.open(place.parent, os.O_RDONLY)
        server.bind(f"/proc/self/fd/{folder}/{place.name}" if os.path.exists("/proc/self/fd") else str(place))
        os.close(folder)


def subfolder(place: Path, _: Path) -> None:
    place.mkdir()
    (place / "inside").write_text("kept")


def second_name(place: Path, target: Path) -> None:
    os.link(target, place)


def own_file(place: Path, _: Path) -> None:
    place.write_text("mine")


KINDS = [link, link_to_nothing, pipe, listening, subfolder, second_name, own_file]


@pytest.mark.parametrize("plant", KINDS)
def test_what_is_in_the_place_of_a_file_stays(
    tmp_path: Path, outside: Path, plant: Callable[[Path, Path], None]
) -> None:
    plant(tmp_path / "a", outside / "victim")
    before = names(tmp_path)
    with pytest.raises(InTheWay) as caught:
        write(tmp_path, "a")
    assert caught.value.filename == str(tmp_path / "a")
    assert names(tmp_path) == before
    assert (names(outside), (outside / "victim").read_text()) == (["victim"], "kept")


@pytest.mark.parametrize("plant", [link, link_to_nothing, pipe, own_file])
@pytest.mark.parametrize("depth", [0, 1, 2])
def test_what_is_in_the_place_of_a_folder_stays(
    tmp_path: Path, outside: Path, plant: Callable[[Path, Path], None], depth: int
) -> None:
    parts = ["a", "b", "c", "file"]
    obstacle = tmp_path.joinpath(*parts[: depth + 1])
    obstacle.parent.mkdir(parents=True, exist_ok=True)
    # A link leads to a folder; the others are what they are.
    plant(obstacle, outside if plant is link else outside / "victim")
    before = names(tmp_path)
    with pytest.raises(InTheWay) as caught:
        write(tmp_path, "/".join(parts))
    assert caught.value.filename == str(obstacle)
    assert ("a link" in caught.value.strerror) == obstacle.is_symlink()
    assert names(tmp_path) == before
    assert names(outside) == ["victim"]


@pytest.mark.parametrize("place", ["../x", "a/../../x", "a/..", "./x", ".."])
def test_no_path_leads_upwards(tmp_path: Path, place: str) -> None:
    (tmp_path / "in").mkdir()
    with pytest.raises((ValueError, OSError)):
        write(tmp_path / "in", place)
    assert [name for name in names(tmp_path) if not name.startswith("in")] == []


def test_only_what_may_be_replaced_is(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")
    with pytest.raises(Taken):
        write(tmp_path, "a", may_replace=nothing_replaced)
    assert (tmp_path / "a").read_text() == "old"
    write(tmp_path, "a", may_replace=lambda file: file.read() == b"old")
    assert (tmp_path / "a").read_text() == "new"
    assert names(tmp_path) == ["a"]


def test_a_file_that_appears_at_the_last_moment_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.link

    def late(*words: Any, **options: Any) -> None:
        (tmp_path / "a").write_text("mine")
        real(*words, **options)

    monkeypatch.setattr(os, "link", late)
    with pytest.raises(Taken):
        write(tmp_path, "a")
    assert ((tmp_path / "a").read_text(), names(tmp_path)) == ("mine", ["a"])


@pytest.mark.parametrize("code", [errno.EPERM, errno.EOPNOTSUPP])
def test_a_file_system_without_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "link", refuse)
    write(tmp_path, "a")
    assert (names(tmp_path), (tmp_path / "a").read_bytes()) == (["a"], b"new")


def test_a_link_is_read_only_where_that_is_asked_for(tmp_path: Path, outside: Path) -> None:
    (tmp_path / "a").symlink_to(outside / "victim")
    (tmp_path / "pipe").symlink_to(tmp_path / "fifo")
    os.mkfifo(tmp_path / "fifo")
    with SafeFolder(tmp_path) as folder:
        with folder.reading("a", follow_link=True) as file:
            assert file is not None
            assert file.read() == b"kept"
        for place, follows in (("a", False), ("pipe", True), ("fifo", True)):
            with pytest.raises(InTheWay), folder.reading(place, follow_link=follows):
                pass
        with folder.reading("none") as nothing, folder.reading("none/none") as nothing_below:
            assert (nothing, nothing_below) == (None, None)


def test_a_name_that_the_disk_refuses_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="File name too long") as caught:
        write(tmp_path, "a/" + "x" * 256)
    assert caught.value.filename.endswith("x/" + "x" * 256) or caught.value.filename.endswith("a/" + "x" * 256)
    assert names(tmp_path) == ["a"]


def test_bytes_are_added_to_a_file_of_one_name_only(tmp_path: Path, outside: Path) -> None:
    with SafeFolder(tmp_path) as root, root.folder() as folder:
        folder.append("list", b"1", mode=0o644)
        folder.append("list", b"2", mode=0o644)
        assert (tmp_path / "list").read_bytes() == b"12"
        for plant in (second_name, link):
            plant(tmp_path / plant.__name__, outside / "victim")
            with pytest.raises(OSError):
                folder.append(plant.__name__, b"x", mode=0o644)
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(OSError):
            folder.append("pipe", b"x", mode=0o644)
    assert (outside / "victim").read_text() == "kept"


def test_a_folder_that_is_exchanged_for_a_link_all_the_time(tmp_path: Path, outside: Path) -> None:
    """Whatever moment the exchange finds, nothing is written outside."""
    root, aside = tmp_path / "root", tmp_path / "aside"
    (root / "a").mkdir(parents=True)
    end = threading.Event()

    def exchange() -> None:
        steps = (
            lambda: (root / "a").rename(aside),
            lambda: (root / "a").symlink_to(outside),
            lambda: (root / "a").unlink(),
            # Made anew in the meantime.
            lambda: shutil.rmtree(root / "a"),
            lambda: aside.rename(root / "a"),
            lambda: (root / "a").mkdir(),
            lambda: shutil.rmtree(aside),
        )
        while not end.is_set():
            for step in steps:
                with suppress(OSError):
                    step()

    thread = threading.Thread(target=exchange)
    thread.start()
    refused = 0
    try:
        for number in range(400):
            try:
                write(root, f"a/b{number % 7}/file", may_replace=lambda _: True)
            except OSError:
                refused += 1
    finally:
        end.set()
        thread.join()
    assert names(outside) == ["victim"]
    assert 0 < refused < 400


def test_a_walk_opens_what_reading_opens(tmp_path: Path, outside: Path) -> None:
    for place in ("top", "a/b/c", "a/b/d", "a/e", "f/b/c"):
        write(tmp_path, place, place.encode())
    (tmp_path / "a/linked").symlink_to(outside)
    (tmp_path / "a/b/link").symlink_to(outside / "victim")
    places = ["a/b/c", "a/b/d", "a/b/none", "a/none/c", "a/e", "a/b/c", "f/b/c", "top", "a/b/link"]
    with SafeFolder(tmp_path) as folder:
        before = len(os.listdir("/dev/fd"))
        with folder.walk() as walk:
            for place in places:
                with folder.reading(place, follow_link=True) as expected:
                    file = walk.open(place, follow_link=True)
                    assert (file.read() if file else None) == (expected.read() if expected else None)
                    if file:
                        file.close()
            for place in ("a/linked/victim", "top/x"):
                with pytest.raises(InTheWay) as caught:
                    walk.open(place)
                assert caught.value.filename == str(tmp_path / place.rpartition("/")[0])
            with pytest.raises(InTheWay):
                walk.open("a/b/link")
            with pytest.raises(ValueError, match="no path below a folder"):
                walk.open("a/../top")
        assert len(os.listdir("/dev/fd")) == before


def test_a_walk_gives_the_content_of_plain_files_only(tmp_path: Path, outside: Path) -> None:
    for place in ("top", "a/b/c", "a/b/d", "a/twice"):
        write(tmp_path, place, b"content")
    (tmp_path / "a/linked").symlink_to(outside)
    (tmp_path / "a/link").symlink_to(tmp_path / "top")
    (tmp_path / "a/again").hardlink_to(tmp_path / "a/twice")
    (tmp_path / "a/folder").mkdir()
    os.mkfifo(tmp_path / "a/pipe")
    with SafeFolder(tmp_path) as folder:
        before = len(os.listdir("/dev/fd"))
        with folder.walk() as walk:
            for place in ("a/b/c", "top", "a/b/d", "a/b/c"):
                assert walk.content(place, 7) == b"content"
                assert walk.content(place, 6) is walk.content(place, 8) is None
            for place in ("a/link", "a/twice", "a/again", "top/c"):
                assert walk.content(place, 7) is None
            # One folder is missing, and not those whose names begin like it.
            write(tmp_path, "nonesuch/c", b"content")
            for place in ("a/none", "none/c", "none/b/c", "none/c", "a/b/none"):
                with pytest.raises(FileNotFoundError):
                    walk.content(place, 7)
                assert walk.open(place) is None
                assert walk.content("nonesuch/c", 7) == walk.content("a/b/c", 7) == b"content"
            assert walk.content("a/linked/victim", (outside / "victim").stat().st_size) is None
            assert walk.content("a/pipe", 0) is None
            assert walk.content("a/folder", (tmp_path / "a/folder").stat().st_size) is None
        assert len(os.listdir("/dev/fd")) == before
