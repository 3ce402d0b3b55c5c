"""The disk of a person's home is full or read-only: reading goes on, writing says so, and nothing half is left."""

from __future__ import annotations

import gc
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.small_disk import SmallDisk, small_disk
from support.small_platform import SmallPlatform, dataset
from typed_command import Typed, typed

PAGE = 4096


class Laptop:
    """A second machine of a platform that has done a run; its home is a small disk.

    Attributes
    ----------
    disk
        The home is in the folder `home`.
    """

    def __init__(self, platform: SmallPlatform, disk: SmallDisk) -> None:
        self.platform, self.disk, self.home = platform, disk, disk.path / "home"
        platform.share_with(self.home)

    def type(self, *words: str, home: Path | None = None) -> Typed:
        """Type a command on this machine, or on that of another home."""
        environment = {**self.platform.environment, "OPSCTL_HOME": str(home or self.home)}
        return typed(*words, folder=self.platform.folder, environment=environment)

    def forget_cache(self) -> None:
        for path in (*self.home.glob("records.sqlite*"), *self.home.glob("opsctl.log*")):
            path.unlink()


@pytest.fixture(scope="module")
def laptop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laptop]:
    folder = tmp_path_factory.mktemp("small")
    with small_disk(folder / "disk", size_mb=16) as disk:
        (folder / "platform").mkdir()
        platform = SmallPlatform(folder / "platform", slots=2)
        try:
            laptop = Laptop(platform, disk)
            for key, body in dataset("HNU1").items():
                path = platform.folder / key
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(body)
            ran = laptop.type("run", "HNU1", "--yes", home=platform.home)
            assert ran.code == 0, ran.text
            platform.finish_jobs()
            yield laptop
        finally:
            platform.close()


@pytest.fixture(autouse=True)
def room(laptop: Laptop) -> Iterator[None]:
    yield
    laptop.disk.free()


def files(folder: Path) -> dict[str, bytes]:
    """What a person sees in a folder: opsctl's own note of its files is none of it."""
    found = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    return {name: body for name, body in found.items() if not Path(name).name.startswith(".opsctl-files")}


READING = [("status",), ("runs",), ("cost",), ("why",), ("audit", "HNU1"), ("logs",), ("scans", "HNU1"), ("datasets",)]


@pytest.mark.parametrize(
    ("words", "trouble"),
    [*((words, "full") for words in READING), (("status",), "read-only"), (("audit", "HNU1"), "read-only")],
    ids=lambda value: value if isinstance(value, str) else value[0],
)
def test_what_only_reads_says_the_same(laptop: Laptop, words: tuple[str, ...], trouble: str) -> None:
    usual = laptop.type(*words, home=laptop.platform.home)
    laptop.forget_cache()
    remount = ["mount", "-o", "remount,{}", str(laptop.disk.path)]
    if trouble == "full":
        laptop.disk.fill()
        ended = laptop.type(*words)
    else:
        subprocess.run([part.format("ro") for part in remount], check=True)
        try:
            ended = laptop.type(*words)
        finally:
            subprocess.run([part.format("rw") for part in remount], check=True)
    assert (ended.code, ended.text) == (usual.code, usual.text)


@pytest.mark.parametrize(
    ("verb", "pages"), [("results", 0), ("results", 1), ("results", 6), ("report", 0), ("report", 6), ("sample", 6)]
)
def test_what_writes_leaves_nothing_half_and_goes_on_after_room(laptop: Laptop, verb: str, pages: int) -> None:
    target, whole = laptop.disk.path / f"{verb}-{pages}", laptop.platform.folder / f"{verb}-{pages}"
    assert laptop.type(verb, str(whole), home=laptop.platform.home).code == 0
    expected = files(whole)
    laptop.disk.fill(but_bytes=pages * PAGE)
    ended = laptop.type(verb, str(target))
    assert ended.code == 1, ended.text
    assert "full" in ended.text or "No space left" in ended.text, ended.text
    assert "bug" not in ended.text and "Traceback" not in ended.text and "Logging error" not in ended.text
    left = files(target) if target.exists() else {}
    assert all(expected.get(name) == body for name, body in left.items()), sorted(left)
    laptop.disk.free()
    again = laptop.type(verb, str(target))
    assert again.code == 0, again.text
    assert files(target).keys() == expected.keys()
    if verb != "report":
        # A report says when it was made.
        assert files(target) == expected


def test_an_upload_needs_no_room_and_the_first_run_says_that_it_does(laptop: Laptop) -> None:
    laptop.forget_cache()
    laptop.disk.fill()
    uploaded = laptop.type("upload", "HNU1", "--name", "COPY")
    assert uploaded.code == 0, uploaded.text
    run = ("run", "COPY", "--yes", "--participant-label", "01")
    # A cache that an earlier command had open gives its pages back when it is collected.
    gc.collect()
    laptop.disk.fill()
    # The home has no identity yet, by which a lease is told from another home's.
    refused = laptop.type(*run)
    assert (refused.code, "No space left" in refused.text, "bug" in refused.text) == (1, True, False), refused.text
    assert list(laptop.home.glob("identity*")) == []
    laptop.disk.free()
    ran = laptop.type(*run)
    assert ran.code == 0, ran.text
    laptop.platform.finish_jobs()
    assert "DONE" in laptop.type("status", "--json").text


def test_a_bug_on_a_full_disk_is_said_without_a_log(laptop: Laptop, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr("opsctl.home.Home.current", fail)
    laptop.forget_cache()
    laptop.disk.fill()
    ended = laptop.type("status")
    assert ended.code == 3, ended.text
    assert "RuntimeError: broken" in ended.text and "Logging error" not in ended.text
    assert not (laptop.home / "opsctl.log").exists() or os.path.getsize(laptop.home / "opsctl.log") == 0
