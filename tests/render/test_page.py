"""Lines that fit, tables that fold, and a reader who has enough."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.text import Text
from support.repository import ROOT
from support.windows import terminal

from opsctl.render.page import fold, table

URI = "s3://opsctl-local-123456789012-us-east-1/HNU1/sub-01/ses-1/dwi/sub-01_ses-1_dwi.nii.gz"
FOLDED = [
    ("one two three four five", 40, ["one two three four five"]),
    ("one two three four five", 20, ["one two three four", "  five"]),
    ("  one two three four five six", 24, ["  one two three four", "    five six"]),
    (f"dwi  {URI} (9 B)", 40, ["dwi", f"  {URI}", "  (9 B)"]),
    (f"  → {URI}", 40, [f"  → {URI}"]),
    (f"x  {URI[:36]} (9 B)", 42, [f"x  {URI[:36]}", "  (9 B)"]),
    ("", 40, [""]),
]


@pytest.mark.parametrize(("line", "width", "folded"), FOLDED)
def test_a_line_folds_between_words_and_a_uri_stays_whole(line: str, width: int, folded: list[str]) -> None:
    assert [part.plain for part in fold(Text(line), width)] == folded


@settings(max_examples=200, derandomize=True, deadline=None)
@given(st.lists(st.sampled_from(["a", "bcd", "→", "数数", URI]), max_size=12), st.integers(20, 90))
def test_folding_loses_no_word_and_no_line_is_too_long_for_a_reason_but_one_word(words: list[str], width: int) -> None:
    parts = fold(Text("  " + " ".join(words)), width)
    assert " ".join(" ".join(part.plain for part in parts).split()) == " ".join(words)
    for part in parts:
        assert part.cell_len <= width or (URI in part.plain and len(part.plain.split()) <= 2)


ROWS = [("sub-01/ses-1", "$0.25", "1 attempt"), ("sub-02", "$12.00", "2 attempts")]


def test_a_table_stands_in_columns_where_there_is_room() -> None:
    assert [row.plain for row in table(ROWS, room=None, right=(1,))] == [
        "sub-01/ses-1   $0.25  1 attempt",
        "sub-02        $12.00  2 attempts",
    ]


def test_a_table_folds_each_row_under_its_name() -> None:
    assert [row.plain for row in table(ROWS, room=20, right=(1,))] == [
        *("sub-01/ses-1", "  $0.25  1 attempt", "sub-02", "  $12.00  2 attempts")
    ]
    assert [row.plain for row in table(ROWS, room=16)][:3] == ["sub-01/ses-1", "  $0.25", "  1 attempt"]
    assert table([], room=16) == []


def test_numbers_stay_with_their_units() -> None:
    parts = fold(Text("a file of (92 B) or 12.5 kB"), 13)
    assert [part.plain for part in parts] == ["a file of", "(92 B) or", "12.5 kB"]


def test_words_off_a_terminal_are_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    from opsctl.render.screen import Screen

    Screen().say("word " * 60)
    assert capsys.readouterr().err == "word " * 60 + "\n"


UNREAD = """
import os, sys
from opsctl.render.screen import Screen
screen = Screen()
for _ in range(3):
    screen.data.print("data " * 20_000)
    screen.json({"data": "x" * 100_000})
    screen.json_line({"data": "x" * 100_000})
screen.say(f"to its own end, {screen.data.is_unread}")
sys.exit(7)
"""


def test_a_verb_comes_to_its_own_end_when_nobody_reads() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        ended = subprocess.run(
            [sys.executable, "-c", UNREAD],
            stdout=writing,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    finally:
        os.close(writing)
    assert (ended.returncode, ended.stderr) == (7, "to its own end, True\n")


SPELLED = """
from opsctl.render.screen import Screen
screen = Screen()
screen.data.print("a → b … “c” é \\udc80")
screen.words.print("│ words")
screen.json({"é": "→"})
print(screen.data.knows_unicode)
"""
ASCII = 'a -> b ... "c" \\xe9 \\udc80\n{\n  "schema_version": 1,\n  "\\u00e9": "\\u2192"\n}\nFalse\n'
UTF = 'a → b … “c” é \\udc80\n{\n  "schema_version": 1,\n  "\\u00e9": "\\u2192"\n}\nTrue\n'


@pytest.mark.parametrize(
    ("variables", "output"),
    [
        ({"LC_ALL": "C"}, ASCII),
        ({"LC_ALL": "POSIX"}, ASCII),
        ({"PYTHONIOENCODING": "ascii"}, ASCII),
        ({"LC_ALL": "C.UTF-8"}, UTF),
        ({"LC_ALL": "C", "PYTHONIOENCODING": "utf-8"}, UTF),
        ({"LC_ALL": "C", "PYTHONUTF8": "1"}, UTF),
    ],
    ids=str,
)
def test_what_the_stream_cannot_say_is_spelled(variables: dict[str, str], output: str) -> None:
    unset = ("LC_", "LANG", "PYTHON")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(unset)}
    ended = subprocess.run(
        [sys.executable, "-c", SPELLED],
        env={**inherited, "PYTHONPATH": str(ROOT), **variables},
        capture_output=True,
        timeout=60,
        check=True,
    )
    assert ended.stdout.decode() == output
    assert ended.stderr.decode() == ("| words\n" if output is ASCII else "│ words\n")


def test_a_bar_and_a_spinner_leave_nothing_after_an_error() -> None:
    screen, window = terminal(60)
    with pytest.raises(KeyError), screen.transfer("to s3://a/[/b] {x}", size_bytes=10) as advance:
        advance(5)
        raise KeyError
    with pytest.raises(KeyboardInterrupt), screen.waiting("reading [/b]"):
        raise KeyboardInterrupt
    text = window.getvalue()
    assert "to s3://a/[/b]" in text
    assert "reading [/b]" in text
    assert text.count("\x1b[?25h") == text.count("\x1b[?25l") == 2
    # Its last act: up, and the line erased.
    assert text.endswith("\x1b[1A\x1b[2K")


def test_what_is_drawn_over_has_no_line_longer_than_the_window() -> None:
    screen, window = terminal(30)
    with screen.waiting(URI):
        pass
    with screen.transfer("to " + URI, size_bytes=10):
        pass
    waited, moved, *rest = window.lines
    assert (len(waited), len(moved), rest) == (30, 30, [])
    assert waited.endswith("…")
