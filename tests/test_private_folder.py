"""OPSCTL_HOME is its owner's alone, also where it existed before."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from opsctl.core.errors import Problem
from opsctl.private_folder import make_private


def modes(folder: Path) -> dict[str, int]:
    return {
        str(path.relative_to(folder)): stat.S_IMODE(path.lstat().st_mode)
        for path in (folder, *folder.rglob("*"))
        if not path.is_symlink()
    }


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home as an early opsctl, or somebody's umask, has left it."""
    home = tmp_path / "home"
    for folder in ("local/bin", "local/objects/blobs/00", "platforms/m2g/terraform/platform"):
        (home / folder).mkdir(parents=True)
    for file, mode in {
        "records.sqlite": 0o644,
        "current": 0o666,
        "local/bin/m2g": 0o777,
        "local/objects/blobs/00/x": 0o640,
        "platforms/m2g/terraform/platform/terraform.tfstate": 0o604,
    }.items():
        (home / file).write_text("x")
        (home / file).chmod(mode)
    for folder in (home, *(path for path in home.rglob("*") if path.is_dir())):
        folder.chmod(0o777)
    return home


def test_a_home_that_was_open_is_closed_and_it_is_said_once(home: Path) -> None:
    assert make_private(home) == f"Other users of this machine could read or change files in {home}. Now only you can."
    assert {name: mode for name, mode in modes(home).items() if mode & 0o077} == {}
    assert stat.S_IMODE((home / "local/bin/m2g").stat().st_mode) == 0o700
    assert make_private(home) == ""


def test_what_is_open_in_a_private_home_is_out_of_reach_and_nothing_is_said(home: Path) -> None:
    """Such as the folder of `results` or of `sample`, which follow the umask."""
    make_private(home)
    (home / "results").mkdir()
    (home / "results").chmod(0o755)
    assert make_private(home) == ""
    assert stat.S_IMODE((home / "results").stat().st_mode) == 0o755
    home.chmod(0o750)
    assert make_private(home)
    assert stat.S_IMODE((home / "results").stat().st_mode) == 0o700


def test_what_is_not_there_or_private_is_left_alone(tmp_path: Path) -> None:
    assert make_private(tmp_path / "home") == ""
    (tmp_path / "home").mkdir(mode=0o700)
    assert make_private(tmp_path / "home") == ""


def test_a_link_to_a_home_is_followed_and_a_link_in_it_is_not(home: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("x")
    outside.chmod(0o644)
    (home / "link").symlink_to(outside)
    (tmp_path / "named").symlink_to(home)
    assert make_private(tmp_path / "named")
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert stat.S_IMODE(outside.stat().st_mode) == 0o644


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
@pytest.mark.parametrize("name", ["", "platforms", "local/bin/m2g", "planted"])
def test_what_another_user_owns_is_refused(home: Path, name: str) -> None:
    path = home / name
    if name == "planted":
        path.symlink_to("/etc/passwd")
    os.chown(path, 65534, 65534, follow_symlinks=False)
    with pytest.raises(Problem, match="belongs to another user") as caught:
        make_private(home)
    assert str(path) in caught.value.what


def test_a_folder_that_holds_more_than_opsctls_files_is_refused(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All below OPSCTL_HOME becomes private: nobody wants that of a home folder or of /tmp."""
    before = modes(home)
    monkeypatch.setenv("HOME", str(home))
    with pytest.raises(Problem, match="holds more than opsctl's files"):
        make_private(home)
    assert modes(home) == before
    monkeypatch.setenv("HOME", str(home.parent))
    home.chmod(0o1777)
    with pytest.raises(Problem, match="holds more than opsctl's files"):
        make_private(home)
    with pytest.raises(Problem, match="holds more than opsctl's files"):
        make_private(Path("/"))
    home.chmod(0o777)
    assert make_private(home)
