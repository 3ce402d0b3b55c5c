"""Which files are in the folder already: the same answers whether the disk is quick or slow."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import pytest

from opsctl.aws.s3.partial_file import part_name
from opsctl.commands.results import present_files as module
from opsctl.commands.results.download import open_folder
from opsctl.commands.results.download_plan import Download
from opsctl.core.errors import Problem
from opsctl.core.runs.result import OutputFile

CONTENT = b"1 2 3.0\n"
LARGE = b"x" * (1024 * 1024 + 1)
#: So many tasks that some come after the first round of a slow disk.
FILES = 90 * 20


@pytest.fixture(params=["quick", "slow"])
def threads(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """How many threads were used each time that there were several."""
    used: list[int] = []
    executor = ThreadPoolExecutor

    def noted(threads: int) -> object:
        used.append(threads)
        return executor(threads)

    # Each task takes a second by the wall; of the processor as much, or nothing.
    seconds = count()
    cpu: Callable[[], float] = count().__next__ if request.param == "quick" else lambda: 0.0
    monkeypatch.setattr(time, "perf_counter", lambda: float(next(seconds)))
    monkeypatch.setattr(time, "thread_time", cpu)
    monkeypatch.setattr(module, "ThreadPoolExecutor", noted)
    yield used
    assert bool(used) == (request.param == "slow")


def item(folder: Path, place: str, content: bytes = CONTENT) -> Download:
    file = OutputFile(
        uri=f"s3://b/{place}", size_bytes=len(content), sha256=hashlib.sha256(content).hexdigest(), etag=""
    )
    return Download(index=0, scan="sub-1", file=file, place=place, folder=folder, is_connectome=True)


def looked(folder: Path, items: list[Download]) -> list[bool | str]:
    with open_folder(folder) as target:
        return [str(look) if isinstance(look, Problem) else look for look in module.looks(target, items)]


def test_whatever_lies_in_the_place_of_a_file(tmp_path: Path, threads: list[int]) -> None:
    places = {f"sub-{number // 45}/d/{number % 45}/x.csv": CONTENT for number in range(FILES)}
    for place, content in places.items():
        (tmp_path / place).parent.mkdir(parents=True)
        (tmp_path / place).write_bytes(content)
    victim = tmp_path / "victim"
    victim.write_bytes(CONTENT)
    kinds: dict[str, Callable[[Path], object]] = {
        "other bytes": lambda path: path.write_bytes(CONTENT.replace(b"3", b"4")),
        "cut off": lambda path: path.write_bytes(CONTENT[:-1]),
        "longer": lambda path: path.write_bytes(CONTENT + b"\n"),
        "empty": lambda path: path.write_bytes(b""),
        "missing": lambda _: None,
        "folder": lambda path: path.mkdir(),
        "pipe": os.mkfifo,
        "link": lambda path: path.symlink_to(victim),
        "link to nothing": lambda path: path.symlink_to("nothing"),
        "second name": lambda path: path.hardlink_to(victim),
    }
    # Among the first, the middle and the last files.
    expected = dict[str, bool | str]()
    for start in (0, FILES // 2, FILES - len(kinds)):
        for place, (kind, make) in zip(list(places)[start:], kinds.items(), strict=False):
            (tmp_path / place).unlink()
            make(tmp_path / place)
            words: dict[str, bool | str] = {
                "missing": False,
                "link": True,
                "second name": True,
                "folder": "it is a folder",
                "pipe": "it is no file",
                "link to nothing": "it is a link to nothing",
            }
            expected[place] = words.get(kind, "it is there already, and not as opsctl wrote it")
    looks = dict(zip(places, looked(tmp_path, [item(tmp_path, place) for place in places]), strict=True))
    for place, look in looks.items():
        right = expected.get(place, True)
        assert right in look if isinstance(right, str) and isinstance(look, str) else look is right, place
    # A round of 16 tasks follows the first one; two are left when the second one was done alone.
    assert threads in ([], [16, 16])


@pytest.mark.parametrize("threads", ["quick"], indirect=True)
def test_a_large_file_is_compared_piece_by_piece(
    tmp_path: Path, threads: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def unread(*_: object) -> bytes:
        raise AssertionError("it was read as a whole")

    monkeypatch.setattr("opsctl.folder_walk.FolderWalk.content", unread)
    for name, content in (("same", LARGE), ("other", LARGE[:-1] + b"y")):
        (tmp_path / name).write_bytes(content)
    same, other = looked(tmp_path, [item(tmp_path, name, LARGE) for name in ("same", "other")])
    assert same is True
    assert "not as opsctl wrote it" in str(other)
    assert not threads


@pytest.mark.parametrize("threads", ["quick"], indirect=True)
def test_the_second_name_of_a_killed_download_is_removed(tmp_path: Path, threads: list[int]) -> None:
    (tmp_path / "x.csv").write_bytes(CONTENT)
    part = tmp_path / part_name("x.csv")
    part.hardlink_to(tmp_path / "x.csv")
    assert looked(tmp_path, [item(tmp_path, "x.csv")]) == [True]
    assert not part.exists()
    assert not threads
