"""`run` after m2g has changed: it says so, and asks on a terminal only."""

from __future__ import annotations

import io
from types import SimpleNamespace
from typing import Any

import pytest
from support.view_examples import plan

from opsctl.cli.submission_flags import SubmissionFlags
from opsctl.cli.verbs.run import settle_earlier_m2g
from opsctl.commands.runs.run_plan import RunPlan
from opsctl.core.runs.scan_history import Disposition
from opsctl.render.screen import Screen

DONE: tuple[Disposition, ...] = ("other_m2g", "other_m2g", "done", "new")
SAID = "2 scans are done with an earlier m2g, sha256:aaaaaaaaaaaa… (jobs now run sha256:bbbbbbbbbbbb…)."
QUESTION = "Process 2 scans again with the m2g that jobs now run? [y/N]"
KEPT = "They are kept"


class Keyboard(io.StringIO):
    """A standard input that is a terminal, or a pipe."""

    def __init__(self, typed: str, *, is_terminal: bool) -> None:
        super().__init__(typed)
        self.is_terminal = is_terminal

    def isatty(self) -> bool:
        return self.is_terminal


def settled(
    monkeypatch: pytest.MonkeyPatch, given: RunPlan, *, typed: str | None = None, yes: bool = False, dry: bool = False
) -> RunPlan:
    """The plan after the question; `typed` is the answer, None without a terminal."""
    monkeypatch.setattr("sys.stdin", Keyboard(typed or "", is_terminal=typed is not None))
    context: Any = SimpleNamespace(screen=Screen())
    return settle_earlier_m2g(context, given, SubmissionFlags(yes=yes, dry_run=dry))


def names(given: RunPlan) -> list[str]:
    return [scan.name for scan in given.to_submit()]


def test_yes_does_them_again(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert names(settled(monkeypatch, plan(*DONE), typed="y\n")) == ["sub-0", "sub-1", "sub-3"]
    message = capsys.readouterr().err
    assert SAID in message and QUESTION in message and KEPT not in message


@pytest.mark.parametrize("typed", ["n\n", "\n", ""])
def test_any_other_answer_keeps_them(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], typed: str
) -> None:
    assert names(settled(monkeypatch, plan(*DONE), typed=typed)) == ["sub-3"]
    message = " ".join(capsys.readouterr().err.split())
    assert QUESTION in message and KEPT in message and "`--only changed`" in message


@pytest.mark.parametrize("options", [{"yes": True}, {"dry": True}, {"typed": None}])
def test_where_nobody_is_asked_they_are_kept_and_the_way_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], options: dict[str, Any]
) -> None:
    # A terminal on which "y" would be typed, unless there is none.
    assert names(settled(monkeypatch, plan(*DONE), **{"typed": "y\n", **options})) == ["sub-3"]
    message = " ".join(capsys.readouterr().err.split())
    assert SAID in message and KEPT in message and "`--only changed`" in message
    assert QUESTION not in message


@pytest.mark.parametrize("only", ["changed", "all", "failed"])
def test_what_was_typed_is_not_asked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], only: str
) -> None:
    given = plan(*DONE, only=only)
    assert settled(monkeypatch, given, typed="n\n") == given
    message = capsys.readouterr().err
    assert SAID in message and QUESTION not in message and KEPT not in message


def test_with_the_same_m2g_there_is_no_word_of_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settled(monkeypatch, plan("done", "new", "changed"), typed="y\n")
    assert capsys.readouterr().err == ""


def test_jobs_that_run_the_earlier_m2g_are_told_and_not_asked_about(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settled(monkeypatch, plan("in flight", "new"), typed="y\n")
    message = capsys.readouterr().err
    assert "1 scan is in progress with an earlier m2g, sha256:aaaaaaaaaaaa…" in message
    assert "[y/N]" not in message
