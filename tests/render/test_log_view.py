"""Log lines as people see them."""

from __future__ import annotations

import io
import json
import os
import sys

import pytest
from rich.cells import cell_len
from support.windows import terminal

from opsctl.commands.logs.follow import ScanEnd
from opsctl.core.logs.log_line import LogLine
from opsctl.core.runs.status import ScanStatus, State
from opsctl.render.logs import LogView, folded_text
from opsctl.render.screen import Screen


def line(scan: str, message: str) -> LogLine:
    return LogLine(scan, 1_795_348_803_042, message, "csa/default/s")


def end(state: State, cause: str = "", seconds: float = 0.0) -> ScanEnd:
    return ScanEnd(ScanStatus(index=0, name="sub-01", state=state, cause=cause, seconds=seconds))


def test_a_jobs_text_cannot_move_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    view = LogView(Screen(), names=("sub-01",))
    view.show(line("sub-01", "\x1b[2J\x1b]0;owned\x07progress 10 %\rprogress 20 %"))
    view.show(end("FAILED", "\x1b[31mcause"))
    out, err = capsys.readouterr()
    assert out == "sub-01 │ progress 20 %\n"
    assert err == "sub-01 failed: cause\n"


def test_half_a_pair_of_surrogates_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="utf-8", write_through=True))
    for as_json in (False, True):
        LogView(Screen(), names=("sub-01",), as_json=as_json).show(line("sub-01", "a \ud800 b"))
    plain, data = raw.getvalue().decode().splitlines()
    assert plain.startswith("sub-01 │ a ")
    assert json.loads(data)["message"].startswith("a ")


def test_long_lines_and_names_are_neither_cut_nor_broken(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    name = f"sub-{'1' * 50}"
    LogView(Screen(), names=(name,)).show(line(name, "x" * 300))
    assert capsys.readouterr().out == f"{name} │ {'x' * 300}\n"


def test_a_terminal_gets_the_beginning_of_a_very_long_line() -> None:
    screen, window = terminal(80)
    view = LogView(screen, names=("sub-01",))
    view.show(line("sub-01", "x" * 400))
    assert "".join(text[9:] for text in window.lines) == "x" * 400
    view.show(line("sub-01", "y" * 1400))
    shown = " ".join(text[9:] for text in window.lines)
    assert shown.endswith("… (1,000 more characters: in a pipe, or with --json)")
    assert shown.count("y") == 400


LONG_LINE = (
    "m2g read /work/input/sub-01/ses-1/dwi/sub-01_ses-1_dwi.nii.gz  and found 33 volumes, 32 b-values and 33 vectors"
)


@pytest.mark.parametrize("width", [120, 80, 60, 40])
@pytest.mark.parametrize("with_time", [False, True])
def test_further_parts_of_a_line_are_below_its_message(width: int, with_time: bool) -> None:
    screen, window = terminal(width)
    view = LogView(screen, names=("sub-01", "sub-02/ses-1"), with_time=with_time)
    view.show(line("sub-01", LONG_LINE))
    view.show(line("sub-01", "short"))
    view.show(line("sub-02/ses-1", "other"))
    assert all(len(text) <= width for text in window.lines), window.lines
    assert "".join("".join(text.split("│ ")[-1] for text in window.lines).split()).count("33vectors") == 1
    time = "2026-11-22T12:00:03Z " if with_time else ""
    if width - len(time) - len("sub-02/ses-1 │ ") >= 24:
        beginnings = {text[: len(time) + 15] for text in window.lines}
        assert beginnings == {f"{time}sub-01       │ ", f"{' ' * len(time)}             │ ", f"{time}sub-02/ses-1 │ "}
    else:
        headings = [text for text in window.lines if not text.startswith("  ")]
        assert headings == ["sub-01 │", "sub-02/ses-1 │"]


def test_a_resized_window_has_the_next_lines_in_its_width() -> None:
    screen, window = terminal(80)
    view = LogView(screen, names=("sub-01",))
    view.show(line("sub-01", "word " * 30))
    screen.data.width = 50
    before = len(window.lines)
    view.show(line("sub-01", "word " * 30))
    after = window.lines[before:]
    assert max(map(len, window.lines[:before])) > 50 >= max(map(len, after))


@pytest.mark.parametrize("text", ["", "a", "   indented", "äöü" * 40, "漢字" * 30, "a b " * 30, "x" * 100, " " * 50])
@pytest.mark.parametrize("width", [1, 2, 7, 24])
def test_a_folded_line_says_the_same(text: str, width: int) -> None:
    parts = folded_text(text, width)
    assert "".join("".join(parts).split()) == "".join(text.split())
    assert all(cell_len(part) <= max(width, 2) for part in parts)


def test_a_pipe_gets_a_very_long_line_whole(capsys: pytest.CaptureFixture[str]) -> None:
    LogView(Screen(), names=("sub-01",)).show(line("sub-01", "x" * 10_000))
    assert capsys.readouterr().out == f"sub-01 │ {'x' * 10_000}\n"


@pytest.mark.parametrize(
    ("message", "shown"),
    [("0%\r50%\r100%", "100%"), ("0%\r100%\r", "100%"), ("0%\r1%\ndone", "1%\nsub-01 │ done"), ("a\r\n", "a")],
)
def test_of_a_progress_bar_the_last_state_is_shown(
    capsys: pytest.CaptureFixture[str], message: str, shown: str
) -> None:
    LogView(Screen(), names=("sub-01",)).show(line("sub-01", message))
    assert capsys.readouterr().out == f"sub-01 │ {shown}\n"


def shown_on_a_terminal(*names: str) -> str:
    screen, window = terminal(40)
    view = LogView(screen, names=names)
    for name in names:
        view.show(line(name, "one"))
    return window.getvalue()


def test_a_scan_has_the_same_colour_whoever_is_beside_it() -> None:
    alone = shown_on_a_terminal("sub-02")
    beside = shown_on_a_terminal("sub-01", "sub-02", "sub-03")
    assert "\x1b[" in alone
    assert beside.splitlines()[1] == alone.strip()
    # Several scans are of several colours.
    names = [f"sub-{number:02d}" for number in range(20)]
    colours = {text.split("sub-")[0] for text in shown_on_a_terminal(*names).splitlines()}
    assert len(colours) > 4


def test_a_name_that_is_wider_than_the_terminal_stays_whole() -> None:
    name = f"sub-{'1' * 30}/ses-{'2' * 30}"
    assert name in shown_on_a_terminal(name)


def test_without_colour_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert shown_on_a_terminal("sub-01") == "sub-01 │ one\n"


def test_every_json_line_is_an_object(capsys: pytest.CaptureFixture[str]) -> None:
    view = LogView(Screen(), names=("sub-01", "sub-02"), as_json=True)
    view.show(line("sub-01", 'a "b"\nc\x1b[31m'))
    view.show(end("DONE"))
    view.show(line("sub-02", "é"))
    first, second = (json.loads(text) for text in capsys.readouterr().out.splitlines())
    assert first == {"schema_version": 1, **line("sub-01", 'a "b"\nc\x1b[31m').as_json()}
    assert second["scan"] == "sub-02"


def test_plain_ascii_where_the_terminal_knows_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii", write_through=True))
    LogView(Screen(), names=("sub-01",)).show(line("sub-01", "one é"))
    assert raw.getvalue() == b"sub-01 | one \\xe9\n"


class Gone(io.StringIO):
    def write(self, text: str) -> int:
        raise BrokenPipeError

    def fileno(self) -> int:
        return self.descriptor

    descriptor = -1


def test_a_reader_that_has_enough_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    gone = Gone()
    gone.descriptor = os.open(os.devnull, os.O_WRONLY)
    monkeypatch.setattr(sys, "stdout", gone)
    view = LogView(Screen(), names=("sub-01",))
    view.show(line("sub-01", "one"))
    assert view.is_unread
    view.show(line("sub-01", "two"))
    os.close(gone.descriptor)
