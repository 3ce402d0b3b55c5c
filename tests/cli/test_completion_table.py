"""The table of completion holds what the program has, and its answers are click's."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import click.shell_completion
import pytest
import typer._completion_classes
import typer.main
from support.example_platform import platform

from manual.completion_table import table, text
from opsctl.aws.s3.cache import Cache
from opsctl.cli import app
from opsctl.commands.runs.completion_cache import CompletionCache
from opsctl.completion.option_table import TABLE
from opsctl.completion.shells import answered, offers
from opsctl.completion.typed_line import NotReadHere
from opsctl.home import Home

RUN, OLDER = "HNU1-20261122-120000-bbbb", "HNU1-20261120-120000-aaaa"
SCANS = ("sub-01/ses-1", "sub-01/ses-2", "sub-02/ses-1")
#: Values that options take: of a run, a dataset, a platform, a number and none of these.
VALUES = (RUN, "HNU1", "m2g", "3")


@pytest.fixture(autouse=True)
def known(home: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A machine with two platforms, two runs and a dataset."""
    monkeypatch.delenv("OPSCTL_PLATFORM", raising=False)
    kept = Home(home)
    kept.keep(platform(name="lab"))
    kept.keep(platform())
    cache = Cache(kept.cache)
    names = CompletionCache(cache, "data")
    names.runs([OLDER, RUN])
    names.datasets(["HNU1", "s3://elsewhere/other"])
    for run in (RUN, OLDER):
        cache.put_value("data", f"scans/{run}", list(SCANS) if run == RUN else ["sub-09"])
    cache.put_value("data", "dataset/HNU1", OLDER)
    return kept


def test_the_table_is_the_programs() -> None:
    assert TABLE.read_text(encoding="utf-8") == text(), "`python -m manual` writes it again"


@cache
def program() -> Any:
    """The whole command line: a shell makes it anew for each answer, which takes most of its time."""
    return typer.main.get_command(app)


def by_click(words: list[str], incomplete: str) -> list[tuple[str, str | None]]:
    shell = click.shell_completion.ShellComplete(program(), {}, "opsctl", "_OPSCTL_COMPLETE")
    return [(item.value, item.help) for item in shell.get_completions(list(words), incomplete)]


def commands(command: Mapping[str, Any], above: tuple[str, ...] = ()) -> Iterator[tuple[list[str], Mapping[str, Any]]]:
    """Every verb, every command below one, and the program itself."""
    yield [*above], command
    for name, verb in command.get("commands", {}).items():
        yield from commands(verb, (*above, name))


def lines(path: list[str], command: Mapping[str, Any]) -> Iterator[tuple[list[str], str]]:
    """Lines of the usual form with each option and argument of a verb."""
    for incomplete in ("", "s", "-", "--", "--p", "--no-", "x"):
        yield path, incomplete
    if not path:
        # Options before the verb are click's.
        return
    for number, parameter in enumerate(command["parameters"]):
        for name in parameter.get("names", ()):
            if parameter.get("flag"):
                yield [*path, name], "--"
                continue
            for incomplete in ("", "s"):
                yield [*path, name], incomplete
            yield [*path, name, VALUES[number % len(VALUES)]], ("--", "")[number % 2]
    for words in (
        ["HNU1"],
        ["HNU1", "x"],
        ["--run", RUN],
        ["--run", "aaaa", "sub-09"],
        ["HNU1", "--scan"],
        ["a", "b", "c"],
    ):
        if words[0] in {name for parameter in command["parameters"] for name in parameter.get("names", ())} or (
            not words[0].startswith("-")
        ):
            yield [*path, *words], ""


def test_every_option_of_every_verb_is_answered_as_click_does() -> None:
    compared = 0
    different = []
    for path, command in commands(table()):
        for words, incomplete in lines(path, command):
            try:
                ours = [tuple(offer) for offer in offers(words, incomplete, os.environ)]
            except NotReadHere:
                continue
            compared += 1
            clicks = by_click(words, incomplete)
            # click's order of `-h` and `--help` is another one in each process.
            if (sorted(ours, key=str) != sorted(clicks, key=str)) if incomplete == "-" else (ours != clicks):
                different.append((words, incomplete))
    assert different == []
    assert compared > 1_000


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
@pytest.mark.parametrize(
    "line",
    [
        "opsctl ",
        "opsctl st",
        "opsctl why --",
        "opsctl why ",
        "opsctl run s3:",
        "opsctl runs --dataset s3://el",
        "opsctl use x ",
    ],
)
def test_a_shell_gets_the_text_that_typer_would_print(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], shell: str, line: str
) -> None:
    # bash splits its words at colons.
    words = line.replace(":", " : ").split() if shell == "bash" else line.split()
    number = len(words) if line.endswith(" ") else len(words) - 1
    for name, value in {
        "COMP_WORDS": " ".join(words),
        "COMP_CWORD": str(number),
        "_TYPER_COMPLETE_ARGS": line,
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
    }.items():
        monkeypatch.setenv(name, value)
    assert answered(f"complete_{shell}", os.environ)
    ours = capsys.readouterr().out
    completes = getattr(typer._completion_classes, f"{shell.title()}Complete")
    assert ours == completes(typer.main.get_command(app), {}, "opsctl", "_OPSCTL_COMPLETE").complete() + "\n"


@pytest.mark.parametrize(("line", "code"), [("opsctl st", 0), ("opsctl why x", 1)])
def test_fish_learns_whether_there_is_anything(monkeypatch: pytest.MonkeyPatch, line: str, code: int) -> None:
    monkeypatch.setenv("_TYPER_COMPLETE_ARGS", line)
    monkeypatch.setenv("_TYPER_COMPLETE_FISH_ACTION", "is-args")
    with pytest.raises(SystemExit) as ended:
        answered("complete_fish", os.environ)
    assert ended.value.code == code


@pytest.mark.parametrize(
    ("words", "incomplete"),
    [
        (["--platform", "lab", "status"], ""),
        (["nothing"], ""),
        (["help"], "st"),
        (["status", "--run=x"], ""),
        (["status", "-wv"], ""),
        (["logs", "--"], ""),
        (["logs"], "--run="),
        (["run", "--participant_label", "01"], ""),
        (["report", "--output"], "x"),
        (["status", "--run", "-x"], ""),
        (["status", "--unknown"], ""),
    ],
)
def test_an_unusual_line_is_clicks(words: list[str], incomplete: str) -> None:
    with pytest.raises(NotReadHere):
        offers(words, incomplete, os.environ)


@pytest.mark.parametrize("line", ["opsctl 'st", 'opsctl "', "opsctl s\\", "opsctl é", "opsctl s\x0bt"])
def test_quotes_and_unusual_characters_are_clicks(monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    monkeypatch.setenv("_TYPER_COMPLETE_ARGS", line)
    assert not answered("complete_zsh", os.environ)


def test_whatever_fails_is_said_by_the_error_boundary(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("_TYPER_COMPLETE_ARGS", "opsctl status ")
    monkeypatch.setattr("opsctl.completion.option_table.TABLE", tmp_path / "none.json")
    assert not answered("complete_zsh", os.environ)
