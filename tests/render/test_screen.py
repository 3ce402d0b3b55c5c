"""The two consoles: what reaches them, and what does not."""

from __future__ import annotations

import io
import json
import sys
import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.golden import golden
from support.windows import terminal

from opsctl.core.errors import UsageProblem
from opsctl.core.harmless import harmless
from opsctl.render.screen import Screen

CONTROL = [
    ("\x1b[31mred\x1b[0m", "red"),
    ("\x1b[2J\x1b[1;1Hcleared", "cleared"),
    ("\x1b]0;title\x07rest", "rest"),
    ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
    ("\x1b", ""),
    ("\x1b\x1b[1m", ""),
    ("a\rb", "ab"),
    ("bell\x07", "bell"),
    ("\x9b31mx", "x"),
    ("\x1bcreset", "reset"),
    ("del\x7f\x00", "del"),
    ("tab\tstays", "tab\tstays"),
    ("é 数 │ stays", "é 数 │ stays"),
]


@pytest.mark.parametrize(("text", "rest"), CONTROL)
def test_control_sequences_are_taken_out(text: str, rest: str) -> None:
    assert "\x1b" not in harmless(text)
    assert harmless(text) == rest


_CONTROL = st.sampled_from("\x1b\x9b\x07[]0;1mHJ\\ab\r\x00\t\n\x7f\x85")


@settings(max_examples=150, derandomize=True, deadline=None)
@given(st.text(_CONTROL | st.characters(blacklist_categories=["Cs"])))
@example("\x1b[\x1b[31m31m")
def test_nothing_that_moves_a_terminal_is_left(text: str) -> None:
    rest = harmless(text)
    assert [char for char in rest if unicodedata.category(char) == "Cc" and char not in "\t\n"] == []
    assert harmless(rest) == rest


def test_words_go_to_standard_error_and_data_to_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    screen = Screen()
    screen.say("words")
    screen.warn("careful")
    screen.data.print("data")
    out, err = capsys.readouterr()
    assert out == "data\n"
    assert err == "words\n! careful\n"


@pytest.mark.parametrize("text", ["[bold]x[/bold]", "[/]", "s3://b/[1]", "a" * 300, "arn:aws:kms:u:1:key:x", "a:dog:b"])
def test_words_are_printed_as_they_are(capsys: pytest.CaptureFixture[str], text: str) -> None:
    Screen().say(text, style="red")
    assert capsys.readouterr().err == f"{text}\n"


def test_nothing_but_text_when_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    screen = Screen()
    screen.say("words", style="bold red")
    screen.hints({"opsctl status": "where it stands"})
    with screen.waiting("asking"), screen.transfer("to there", size_bytes=10) as advance:
        advance(10)
    out, err = capsys.readouterr()
    assert "\x1b" not in out + err
    assert "asking" not in err
    assert err.splitlines() == ["words", "", "  opsctl status  where it stands"]


@pytest.mark.parametrize("variable", ["NO_COLOR", "TERM"])
def test_no_colours_where_they_are_not_wanted(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, "1" if variable == "NO_COLOR" else "dumb")
    screen, window = terminal(40)
    screen.say("words", style="red")
    assert "31m" not in window.getvalue()


def test_json_is_json_and_a_line_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    value = {"message": 'a\nb\x1b[31m "é" \\', "n": 1.5, "none": None, "list": [1]}
    screen = Screen()
    screen.json_line(value)
    screen.json_line({})
    first, second = capsys.readouterr().out.splitlines()
    assert "\x1b" not in first
    assert (json.loads(first), json.loads(second)) == ({"schema_version": 1, **value}, {"schema_version": 1})
    screen.json({"schema_version": 7, **value})
    assert json.loads(capsys.readouterr().out) == {"schema_version": 7, **value}


def test_nobody_to_ask_is_a_usage_error(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    with pytest.raises(UsageProblem) as caught:
        Screen().confirm("Submit 3 jobs?", assume_yes=False)
    assert caught.value.exit_code == 2
    golden("screen.nobody_to_ask", f"{caught.value}\n")
    assert Screen().confirm("Submit 3 jobs?", assume_yes=True)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("answer", "agreed"), [("y\n", True), (" YES \n", True), ("n\n", False), ("\n", False), ("", False)]
)
def test_only_yes_is_yes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], answer: str, agreed: bool
) -> None:
    typed = io.StringIO(answer)
    typed.isatty = lambda: True  # type: ignore[method-assign]
    monkeypatch.setattr(sys, "stdin", typed)
    assert Screen().confirm("Submit [3] jobs?", assume_yes=False) is agreed
    # Without an Enter (Ctrl-D) the cursor would stay behind the question.
    assert capsys.readouterr().err == "Submit [3] jobs? [y/N] " + ("" if answer else "\n")


def test_hints_fit_a_narrow_terminal() -> None:
    screen, window = terminal(30)
    screen.hints({"opsctl logs --follow": "watch the jobs"})
    assert window.lines == ["", "  opsctl logs --follow", "    watch the jobs"]


def test_what_is_written_when_ctrl_c_comes_is_not_written_again() -> None:
    screen, window = terminal(40)
    flush = window.flush

    def interrupted() -> None:
        window.flush = flush  # type: ignore[method-assign]
        raise KeyboardInterrupt

    window.flush = interrupted  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        screen.say("Submit 3 jobs?")
    screen.say("Stopped.")
    assert window.lines == ["Submit 3 jobs?", "Stopped."]


def test_what_is_said_once_is_not_repeated() -> None:
    screen, window = terminal(40)
    for text in ("waits (1 s)", "waits (2 s)", "other"):
        screen.say_once(text, key=text.partition(" (")[0])
    screen.say_once("other")
    assert window.lines == ["waits (1 s)", "other"]
