"""What opsctl keeps on a machine."""

from __future__ import annotations

import dataclasses
import stat
from pathlib import Path

import pytest
from support.example_platform import platform

from opsctl.core.errors import Problem
from opsctl.home import Home

PLATFORM = platform()


def test_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert Home.of({"OPSCTL_HOME": str(tmp_path)}).path == tmp_path
    assert Home.of({"OPSCTL_HOME": "here"}).path == tmp_path / "here"
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Home.of({"OPSCTL_HOME": "~/there"}).path == tmp_path / "there"
    assert Home.of({"OPSCTL_HOME": ""}).path.name == "opsctl"


def test_a_platform_is_remembered_and_is_the_latest(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    assert (home.current(), home.recall("m2g"), home.known()) == (None, None, [])
    other = dataclasses.replace(PLATFORM, name="lab", endpoint_url="http://127.0.0.1:1")
    home.keep(PLATFORM)
    home.keep(other)
    assert home.recall("m2g") == PLATFORM
    assert home.recall("lab") == other
    assert home.known() == ["lab", "m2g"]
    assert home.current() == "lab"


def test_a_forgotten_platform_keeps_its_folder_for_the_storages_state(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.keep(PLATFORM)
    state = home.platform_dir("m2g") / "terraform.tfstate"
    state.write_text("{}")
    home.forget("m2g")
    assert (home.recall("m2g"), home.current(), home.known()) == (None, None, [])
    assert state.exists()
    home.forget("m2g")


def test_forgetting_one_does_not_change_which_is_the_latest(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.keep(PLATFORM)
    home.keep(dataclasses.replace(PLATFORM, name="lab"))
    home.forget("m2g")
    assert home.current() == "lab"


def test_no_half_written_file_is_left(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.keep(PLATFORM)
    home.keep(PLATFORM)
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == ["current", "record.json"]


def test_a_home_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Problem, match="cannot be made") as caught:
        Home(tmp_path / "file").keep(PLATFORM)
    assert "OPSCTL_HOME" in caught.value.hint


def test_records_are_nobody_elses_business(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.make(home.platform_dir("m2g") / "terraform")
    home.keep(PLATFORM)
    record = home.platform_dir("m2g") / "record.json"
    ways = [record, *record.relative_to(tmp_path).parents]
    private = [not stat.S_IMODE((tmp_path / way).stat().st_mode) & 0o077 for way in ways if str(way) != "."]
    assert any(private), "no folder on the way to the record, nor itself, keeps others out"


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff", b"{}", b'{"schema_version": 2}'])
def test_a_damaged_record_is_named_with_the_way_out(tmp_path: Path, body: bytes) -> None:
    home = Home(tmp_path)
    home.keep(PLATFORM)
    path = home.platform_dir("m2g") / "record.json"
    path.write_bytes(body)
    with pytest.raises(Problem) as caught:
        home.recall("m2g")
    assert caught.value.what.startswith(str(path))
    assert "opsctl up" in caught.value.hint
