"""With `--json` every verb's error is one JSON document on standard output, beside the sentence and the exit code."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import struct
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import click
import jsonschema
import pytest
import typer.main
from moto import mock_aws
from support.commands import commands
from support.example_platform import platform
from support.repository import ROOT

from opsctl.core.errors import ErrorCode, Problem
from opsctl.core.harmless import harmless
from opsctl.home import Home
from opsctl.render.screen import Screen

Opsctl = Callable[..., Any]

BUILD = cache(typer.main.get_command)
SCHEMA = json.loads((ROOT / "docs/errors.schema.json").read_text())
#: `jsonschema.validate` would check the schema itself each time.
CONTRACT = jsonschema.Draft202012Validator(SCHEMA)
COMMANDS = {
    words: command for words, command in commands().items() if any("--json" in option.opts for option in command.params)
}


def with_option(name: str) -> list[tuple[str, ...]]:
    return [words for words, command in COMMANDS.items() if any(name in option.opts for option in command.params)]


def ids(words: object) -> str | None:
    return " ".join(words) if isinstance(words, tuple) else None


@pytest.fixture(autouse=True)
def commands_are_built_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Typer would build the same commands again for every line, which takes most of the time."""
    monkeypatch.setattr("typer.main.get_command", BUILD)


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An empty working folder and no program on the PATH: no Docker, no Terraform."""
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """A folder that `upload` accepts."""
    (tmp_path / "HNU1" / "sub-1").mkdir(parents=True)
    return tmp_path / "HNU1"


def typed(words: tuple[str, ...], dataset: Path) -> list[str]:
    """The verb with a value for each argument that it requires."""
    required = [
        str(dataset) if words == ("upload",) else "HNU1"
        for parameter in COMMANDS[words].params
        if isinstance(parameter, click.Argument) and parameter.required
    ]
    options = [
        text
        for parameter in COMMANDS[words].params
        if isinstance(parameter, click.Option) and parameter.required
        for text in (parameter.opts[0], "name")
    ]
    return [*words, *required, *options]


def error_of(said: Any) -> dict[str, Any]:
    """The error on standard output: the only document there, and what standard error and the exit code say."""
    document = json.loads(said.out)
    CONTRACT.validate(document)
    error: dict[str, Any] = document["error"]
    assert harmless(error["message"]) in said.err
    assert "\x1b" not in said.out + said.err
    assert error["exit_code"] == said.code
    assert "Traceback" not in said.err
    assert "{" not in said.err
    return error


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert len(COMMANDS) >= 20


#: What needs no platform: they answer without one, or stop at something else first.
WITHOUT_PLATFORM = {
    ("config",): None,
    ("doctor",): None,
    ("down",): None,
    ("parcellations",): None,
    ("platforms",): None,
    ("simulate",): "usage",
    ("image", "build"): "engine_missing",
    ("image", "sbom"): "engine_missing",
}


@pytest.mark.parametrize("words", COMMANDS, ids=ids)
def test_no_platform(opsctl: Opsctl, words: tuple[str, ...], dataset: Path) -> None:
    said = opsctl(*typed(words, dataset), "--json")
    expected = WITHOUT_PLATFORM.get(words, "platform_not_found")
    if expected is not None:
        assert error_of(said)["code"] == expected
    elif said.out:
        assert "error" not in json.loads(said.out)


@pytest.mark.parametrize("words", COMMANDS, ids=ids)
def test_without_json_an_error_is_only_told(opsctl: Opsctl, words: tuple[str, ...], dataset: Path) -> None:
    said = opsctl(*typed(words, dataset), "--nosuch")
    assert (said.code, said.out) == (2, "")
    assert "has no option --nosuch." in said.err


WRONG = [
    ["--json", "--nosuch"],
    ["--nosuch", "--json"],
    ["--json=1"],
]


@pytest.mark.parametrize("wrong", WRONG, ids=" ".join)
@pytest.mark.parametrize("words", COMMANDS, ids=ids)
def test_wrong_options(opsctl: Opsctl, words: tuple[str, ...], wrong: list[str]) -> None:
    error = error_of(opsctl(*words, *wrong))
    assert (error["code"], error["exit_code"]) == ("usage", 2)


@pytest.mark.parametrize("words", [words for words in COMMANDS if len(typed(words, Path())) > len(words)], ids=ids)
def test_a_missing_argument(opsctl: Opsctl, words: tuple[str, ...]) -> None:
    assert error_of(opsctl(*words, "--json"))["code"] == "usage"


@pytest.mark.parametrize("words", with_option("--run"), ids=ids)
def test_json_as_the_value_of_another_option_is_not_the_option(
    opsctl: Opsctl, words: tuple[str, ...], dataset: Path
) -> None:
    said = opsctl(*typed(words, dataset), "--run", "--json")
    assert (said.code, said.out) == (1, "")
    assert "No platform is up." in said.err


@pytest.mark.parametrize("words", with_option("--platform"), ids=ids)
def test_a_wrong_value_that_opsctl_refuses_itself(opsctl: Opsctl, words: tuple[str, ...], dataset: Path) -> None:
    error = error_of(opsctl(*typed(words, dataset), "--platform", "No Name", "--json"))
    assert (error["code"], error["exit_code"]) == ("usage", 2)


@pytest.fixture
def empty_platform(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A platform that no run was submitted to."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    Home(home).keep(platform())
    with mock_aws():
        boto3.client("s3", region_name=platform().region).create_bucket(Bucket=platform().data_bucket)
        yield


@pytest.mark.parametrize("words", with_option("--run"), ids=ids)
@pytest.mark.usefixtures("empty_platform")
def test_an_unknown_run(opsctl: Opsctl, words: tuple[str, ...]) -> None:
    error = error_of(opsctl(*typed(words, Path()), "--run", "nosuch", "--json"))
    # Until core/runs/names.py names its codes.
    assert error["code"] == ErrorCode.RUN_NOT_FOUND
    assert "nosuch" in error["message"]


ENDS = [
    (ZeroDivisionError("by zero"), "bug", 3),
    (KeyboardInterrupt(), "interrupted", 130),
    (Problem("Too many:\n  ünï \x1b[31m.", "Wait.", code=ErrorCode.AWS_THROTTLED), "aws_throttled", 1),
]


@pytest.mark.parametrize(("end", "code", "exit_code"), ENDS, ids=lambda value: value if isinstance(value, str) else "")
@pytest.mark.parametrize("words", COMMANDS, ids=ids)
def test_a_bug_ctrl_c_and_any_problem(
    opsctl: Opsctl,
    monkeypatch: pytest.MonkeyPatch,
    dataset: Path,
    words: tuple[str, ...],
    end: BaseException,
    code: str,
    exit_code: int,
) -> None:
    def load(*_: object) -> None:
        raise end

    # Every verb reads the configuration first.
    monkeypatch.setattr("opsctl.cli.defaults.load", load)
    error = error_of(opsctl(*typed(words, dataset), "--json"))
    assert (error["code"], error["exit_code"]) == (code, exit_code)


def test_a_bug_names_the_log(opsctl: Opsctl, monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    monkeypatch.setattr("opsctl.cli.defaults.load", lambda: None)
    error = error_of(opsctl("status", "--json"))
    assert error["message"].startswith("This is a bug in opsctl (TypeError: ")
    assert str(home / "opsctl.log") in error["hint"]


def test_a_bug_in_reading_the_options_hides_no_sentence(opsctl: Opsctl, monkeypatch: pytest.MonkeyPatch) -> None:
    def is_json_asked(*_: object) -> bool:
        raise ZeroDivisionError

    monkeypatch.setattr("opsctl.cli.json_option.is_json_asked", is_json_asked)
    said = opsctl("status", "--json")
    assert (said.code, said.out) == (1, "")
    assert said.err.startswith("No platform is up.")
    assert said.err.count("\n") == 1


def ends_with(monkeypatch: pytest.MonkeyPatch, verb: Callable[[Screen], None]) -> None:
    """Let `status` and `logs` do something else."""

    def context(**_: object) -> None:
        verb(Screen())
        raise Problem("It is so.", code=ErrorCode.AWS_UNREACHABLE)

    monkeypatch.setattr("opsctl.cli.verbs.status.Context", context)
    monkeypatch.setattr("opsctl.cli.verbs.logs.Context", context)


def test_after_its_own_document_a_verb_writes_no_second_one(opsctl: Opsctl, monkeypatch: pytest.MonkeyPatch) -> None:
    ends_with(monkeypatch, lambda screen: screen.json({"own": 1}))
    said = opsctl("status", "--json")
    assert (said.code, json.loads(said.out), said.err) == (1, {"schema_version": 1, "own": 1}, "It is so.\n")
    # The next command of the same process begins anew.
    ends_with(monkeypatch, lambda _: None)
    assert error_of(opsctl("status", "--json"))["code"] == "aws_unreachable"


def test_after_lines_the_error_is_the_last_line(opsctl: Opsctl, monkeypatch: pytest.MonkeyPatch) -> None:
    ends_with(monkeypatch, lambda screen: screen.json_line({"own": 1}))
    said = opsctl("logs", "--json")
    own, error = map(json.loads, said.out.splitlines())
    assert own == {"schema_version": 1, "own": 1}
    CONTRACT.validate(error)


def test_a_reader_that_has_gone_changes_neither_sentence_nor_exit_code() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        ended = subprocess.run(
            [sys.executable, "-m", "opsctl", "status", "--json"],
            stdout=writing,
            stderr=subprocess.PIPE,
            text=True,
            timeout=120,
            check=False,
        )
    finally:
        os.close(writing)
    assert ended.returncode == 1
    assert ended.stderr.startswith("No platform is up.")
    assert "Traceback" not in ended.stderr


def test_a_narrow_terminal_neither_folds_nor_colours_the_json() -> None:
    screen, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 20, 0, 0))
    try:
        ended = subprocess.run(
            [sys.executable, "-m", "opsctl", "status", "--json"],
            env={**os.environ, "TERM": "xterm-256color", "FORCE_COLOR": "1"},
            stdout=terminal,
            stderr=subprocess.PIPE,
            timeout=120,
            check=False,
        )
    finally:
        os.close(terminal)
    # All of it: less than a terminal's buffer.
    shown = os.read(screen, 65536).decode()
    os.close(screen)
    assert ended.returncode == 1
    assert shown.count("\n") == 1
    CONTRACT.validate(json.loads(shown))
