"""The one boundary: every outcome is a sentence and an exit code, nothing is a traceback."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest
from support.example_platform import platform

from opsctl import __version__
from opsctl.core.errors import ErrorCode, Interrupted, Problem, UsageProblem

Opsctl = Callable[..., Any]


@pytest.fixture
def ends_with(monkeypatch: pytest.MonkeyPatch, opsctl: Opsctl) -> Callable[[BaseException | object], Any]:
    """opsctl whose verbs end so."""

    def typed(end: BaseException | object) -> Any:
        def app(*, standalone_mode: bool) -> object:
            assert standalone_mode is False
            if isinstance(end, BaseException):
                raise end
            return end

        monkeypatch.setattr("opsctl.cli.app", app)
        return opsctl("status")

    return typed


OUTCOMES = [
    (Problem("It is so.", "Do that.", code=ErrorCode.NO_SCANS), 1, "It is so.  Do that.\n"),
    (Problem("It is so.", code=ErrorCode.NO_SCANS), 1, "It is so.\n"),
    (UsageProblem("No such option.", "Type this."), 2, "No such option.  Type this.\n"),
    (Interrupted("Stopped watching.", "Go on."), 130, "Stopped watching.  Go on.\n"),
    (KeyboardInterrupt(), 130, "Stopped.\n"),
    (click.exceptions.Abort(), 130, "Stopped.\n"),
    (0, 0, ""),
    (1, 1, ""),
    (None, 0, ""),
]


@pytest.mark.parametrize(("end", "code", "words"), OUTCOMES, ids=str)
def test_outcomes(ends_with: Callable[..., Any], end: object, code: int, words: str) -> None:
    said = ends_with(end)
    assert (said.code, said.out, said.err) == (code, "", words)


def test_a_bug_is_one_sentence_and_its_traceback_is_in_the_log(ends_with: Callable[..., Any], home: Path) -> None:
    said = ends_with(ZeroDivisionError("by zero"))
    assert said.code == 3
    assert "This is a bug in opsctl (ZeroDivisionError: by zero)." in said.err
    assert str(home / "opsctl.log") in said.err
    assert "Traceback" not in said.err
    log = (home / "opsctl.log").read_text()
    assert "Traceback" in log
    assert "ZeroDivisionError: by zero" in log
    assert "opsctl status (version " in log.splitlines()[0]
    assert stat.S_IMODE((home / "opsctl.log").stat().st_mode) == 0o600
    ends_with(KeyError("second"))
    assert "ZeroDivisionError" in (home / "opsctl.log").read_text()


def test_a_bug_without_a_place_for_the_log_shows_its_traceback(
    ends_with: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("OPSCTL_HOME", str(tmp_path / "file" / "home"))
    said = ends_with(ZeroDivisionError("by zero"))
    assert said.code == 3
    assert "This is a bug" in said.err
    assert "Traceback" in said.err


def test_version(opsctl: Opsctl) -> None:
    said = opsctl("--version")
    assert (said.code, said.out) == (0, f"opsctl {__version__}\n")


USAGE = [
    (["statsu"], "status"),
    (["run"], "DATASET"),
    (["run", "HNU1", "--sp", "foo"], "native_dsn"),
    (["run", "HNU1", "--model", "xyz"], "csa"),
    (["run", "HNU1", "--seeds", "many"], "seeds"),
    (["run", "HNU1", "--seeds", "0"], "seeds"),
    (["run", "HNU1", "--tr", "0"], "--tr must be greater than 0"),
    (["run", "HNU1", "--first", "0"], "first"),
    (["run", "HNU1", "--seed", "3"], "--seeds"),
    (["run", "HNU1", "--parcellation", "-x"], "parcellation"),
    (["run", "HNU1", "--dry-run", "--follow"], "--follow"),
    (["logs", "--folow"], "--follow"),
    (["status", "--platform", "No Name"], "cannot name a platform"),
    (["up", "--local", "--spot"], "--local"),
    (["up", "--local", "--region", "us-east-1"], "--region"),
    (["up", "--local", "--monthly-budget", "50"], "--monthly-budget"),
    (["up", "--name", "x"], "cannot name a platform"),
    (["upload", ".", "--name", "a/b"], "--name"),
    (["down", "--nosuch"], "nosuch"),
    (["results"], "DEST"),
]


@pytest.mark.parametrize(("words", "told"), USAGE, ids=lambda value: " ".join(value) if isinstance(value, list) else "")
def test_usage_errors_are_2_and_say_what_is_meant(opsctl: Opsctl, words: list[str], told: str, home: Path) -> None:
    said = opsctl(*words)
    assert said.code == 2
    assert told in said.err
    assert said.out == ""
    assert "Traceback" not in said.err
    assert not home.exists()


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        *(("statsu", "`opsctl status`"), ("log", "`opsctl logs`"), ("reslts", "`opsctl results`")),
        *(("rm", "`opsctl delete` or `opsctl down`"), ("ls", "`opsctl runs` or `opsctl datasets`")),
        *(("version", "`opsctl --version`"), ("help nosuch", ""), ("frobnicate", "")),
    ],
)
def test_did_you_mean(opsctl: Opsctl, typed: str, meant: str) -> None:
    said = opsctl(*typed.split())
    expected = f"Did you mean {meant}?" if meant else "`opsctl --help` lists all commands."
    assert said.code == 2
    assert f"There is no command '{typed.split()[-1]}'. {expected}" in said.err


@pytest.mark.parametrize("words", ["--platform lab status", "--platform=lab status", "status --platform lab"])
def test_a_platform_may_be_named_before_the_verb(opsctl: Opsctl, words: str) -> None:
    said = opsctl(*words.split())
    assert said.code == 1
    assert said.err.startswith("There is no platform lab.  `opsctl up --local --platform lab` makes one")


def test_a_platform_before_a_verb_that_uses_none_is_wrong_usage(opsctl: Opsctl) -> None:
    said = opsctl("--platform", "lab", "sample", "x")
    assert said.code == 2
    assert "has no option --platform." in said.err


@pytest.mark.parametrize(
    "words",
    [
        *("status", "logs", "why", "cost", "cancel", "report", "runs", "datasets", "run HNU1", "scans HNU1"),
        *("check HNU1", "audit HNU1", "results x", "upload . --name HNU1"),
    ],
)
def test_before_up_there_is_no_platform(opsctl: Opsctl, words: str) -> None:
    said = opsctl(*words.split())
    assert said.code == 1
    assert "No platform is up." in said.err
    assert "opsctl up --local" in said.err
    assert said.out == ""


def test_down_without_anything_up_is_fine(opsctl: Opsctl) -> None:
    said = opsctl("down")
    assert (said.code, said.err) == (0, "Nothing is up: nothing to remove.\n")


def test_a_local_platform_whose_process_has_ended(opsctl: Opsctl, home: Path) -> None:
    from opsctl.home import Home

    Home(home).keep(platform(name="local", endpoint_url="http://127.0.0.1:1"))
    said = opsctl("status")
    assert said.code == 1
    assert "The local platform is not running" in said.err


def real(*words: str, **settings: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "opsctl", *words], capture_output=True, text=True, timeout=120, check=False, **settings
    )


@pytest.mark.parametrize(("words", "code"), [(["--help"], 0), (["nosuch"], 2), (["status"], 1)], ids=str)
def test_the_real_program_ends_with_these_codes(words: list[str], code: int) -> None:
    ended = real(*words)
    assert ended.returncode == code
    assert "Traceback" not in ended.stderr


def test_a_reader_that_has_enough_is_no_error() -> None:
    """`opsctl … | head`: the pipe is closed before anything is written to it."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        ended = subprocess.run(
            [sys.executable, "-m", "opsctl", "--help"],
            stdout=writing,
            stderr=subprocess.PIPE,
            text=True,
            timeout=120,
            check=False,
        )
    finally:
        os.close(writing)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_a_login_that_is_wrong_is_not_taken_for_none(opsctl: Opsctl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nosuch")
    said = opsctl("status")
    assert said.code == 1
    assert "nosuch" in said.err
    assert "No platform is up" not in said.err


def test_ctrl_c_that_no_verb_takes_for_its_own_is_told(opsctl: Opsctl, monkeypatch: pytest.MonkeyPatch) -> None:
    # typer gives it back as a value.
    monkeypatch.setattr("opsctl.cli.app", lambda **_: 130)
    said = opsctl("status")
    assert (said.code, said.err) == (130, "Stopped.\n")


def test_ctrl_c_while_opsctl_starts_shows_no_traceback(tmp_path: Path) -> None:
    # The first library that is imported is where the signal comes.
    (tmp_path / "click").mkdir()
    (tmp_path / "click" / "__init__.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n")
    process = subprocess.run(
        [sys.executable, "-m", "opsctl", "status"],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        check=False,
        timeout=60,
    )
    # A shell shows it as 130.
    assert (process.returncode, process.stdout, process.stderr) == (-signal.SIGINT, "", "Stopped.\n")
