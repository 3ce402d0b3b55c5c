"""A file is written whole or not at all."""

from __future__ import annotations

import errno
import os
import random
import stat
from pathlib import Path

import pytest
from support.power_cut import SURVIVALS, Disk, traced_calls

from opsctl.whole_file import write_whole


def test_text_and_bytes_replace_an_earlier_file_and_leave_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_whole(path, "é")
    assert path.read_bytes() == "é".encode()
    write_whole(path, b"new")
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(("mode", "others"), [(None, 0), (0o666, 0o044)])
def test_it_is_its_owners_alone_unless_it_may_be_read(tmp_path: Path, mode: int | None, others: int) -> None:
    path = tmp_path / "file"
    write_whole(path, "x", **({} if mode is None else {"mode": mode}))
    assert stat.S_IMODE(path.stat().st_mode) & 0o077 == others


def test_what_cannot_be_written_leaves_the_earlier_file_and_no_part(tmp_path: Path) -> None:
    folder = tmp_path / "name"
    folder.mkdir()
    (folder / "inside").write_text("kept")
    with pytest.raises(OSError, match="directory"):
        write_whole(folder, "x")
    assert [path.name for path in tmp_path.rglob("*")] == ["name", "inside"]


WRITE = """
import sys
from pathlib import Path
from opsctl.whole_file import write_whole

for text in ("earlier", "later"):
    write_whole(Path(sys.argv[1]) / "file", text)
    sys.stdout.write(text)
"""


def test_a_power_cut_at_any_moment_leaves_one_whole_file(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    disk, choose, written = Disk(folder), random.Random(1), None
    for number, call in enumerate(traced_calls(WRITE, folder, tmp_path / "trace")):
        if call.name == "print":
            written = call.data.decode()
        elif disk.carry_out(call):
            for turn, (names, data) in enumerate(SURVIVALS):
                left = tmp_path / f"{number}-{turn}"
                left.mkdir()
                disk.write(left, choose, names=names, data=data)
                text = (left / "file").read_text() if (left / "file").exists() else None
                # Until the call has returned it may be either.
                assert text in {None: (None, "earlier"), "earlier": ("earlier", "later")}.get(written, (written,))
    assert written == "later"


def test_a_folder_that_cannot_be_synced_is_no_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # So do some network file systems.
    fsync = os.fsync

    def refuse_folders(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "Invalid argument")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", refuse_folders)
    write_whole(tmp_path / "file", "text")
    assert (tmp_path / "file").read_text() == "text"


def test_bytes_that_do_not_reach_the_disk_leave_the_earlier_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    path = tmp_path / "file"
    path.write_text("earlier")
    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="Input/output error"):
        write_whole(path, "text")
    assert path.read_text() == "earlier"
    assert list(tmp_path.iterdir()) == [path]
