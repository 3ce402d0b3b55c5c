"""A file is written whole or not at all."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

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
