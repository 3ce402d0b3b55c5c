"""`upload` as it is typed: what a stop leaves, and what the exit code and the JSON say of files that were not sent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.example_platform import platform

from opsctl.aws.s3.storage import Storage
from opsctl.core.errors import ErrorCode, Problem
from opsctl.home import Home


@pytest.fixture
def platform_up(home: Path) -> None:
    Home(home).keep(platform())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "my data" / "sub-01").mkdir(parents=True)
    for name in ("a", "b"):
        (tmp_path / "my data" / "sub-01" / name).write_text("123")
    return tmp_path / "my data"


def sent_then(monkeypatch: pytest.MonkeyPatch, error: BaseException | None) -> None:
    """S3 holds nothing, takes the first file, and then comes the error."""

    def upload(_self: Storage, files: dict[str, Path], _bucket: str, *, done: Any, on_bytes: Any) -> dict[str, Problem]:
        key = next(iter(files))
        on_bytes(3)
        done(key, 3)
        if error is not None:
            raise error
        return {key: Problem("It is refused.", code=ErrorCode.AWS_REFUSED) for key in list(files)[1:]}

    monkeypatch.setattr(Storage, "below", lambda *_: iter(()))
    monkeypatch.setattr(Storage, "upload", upload)


def test_ctrl_c_says_what_is_up_and_how_to_go_on(
    opsctl: Any, platform_up: None, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent_then(monkeypatch, KeyboardInterrupt())
    said = opsctl("upload", str(folder), "--name", "DS", "--exclude", "*.x")
    assert said.code == 130
    assert "Stopped. 1 of 2 files (3 B of 6 B) reached s3://data/DS." in said.err
    assert f"`opsctl upload '{folder}' --name DS --exclude '*.x'` sends the rest." in said.err


def test_an_error_in_the_middle_says_what_is_up(
    opsctl: Any, platform_up: None, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent_then(monkeypatch, Problem("The network is gone.", code=ErrorCode.AWS_UNREACHABLE))
    said = opsctl("upload", str(folder), "--name", "DS")
    assert said.code == 1
    assert "The network is gone. 1 of 2 files (3 B of 6 B) reached s3://data/DS." in said.err


def test_a_refused_file_is_listed_and_the_exit_code_is_1(
    opsctl: Any, platform_up: None, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent_then(monkeypatch, None)
    said = opsctl("upload", str(folder), "--name", "DS", "--json")
    assert said.code == 1
    assert "! sub-01/b was not sent: It is refused." in said.err
    document = json.loads(said.out)
    assert document["schema_version"] == 1
    assert document["sent"] == ["DS/sub-01/a"]
    assert document["failed"] == [{"path": "sub-01/b", "reason": "was not sent: It is refused"}]


def test_a_dry_run_sends_nothing(opsctl: Any, platform_up: None, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sent_then(monkeypatch, AssertionError("something was sent"))
    said = opsctl("upload", str(folder), "--name", "DS", "--dry-run")
    assert said.code == 0
    assert said.out.splitlines() == ["sub-01/a  3 B", "sub-01/b  3 B"]
    assert "Nothing was sent." in said.err
