"""m2g's output in the log: progress bars are one line, lines of blanks none, long ones are cut."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest
from m2g_job.log import LONGEST_LINE_BYTES, Log
from m2g_job.m2g_output import OutputReader
from support.waiting import until


class Output:
    """A pipe whose reader writes a log."""

    def __init__(self, folder: Path) -> None:
        self.seconds = 0.0
        self.lines: list[str] = []
        descriptor, self._writing = os.pipe()
        self._log = io.BytesIO()
        self._file = folder / "m2g.log"
        self._reader = OutputReader(
            descriptor,
            self._file.open("wb", buffering=0),
            Log(self._log),
            on_line=self.lines.append,
            clock=lambda: self.seconds,
        )
        self._reader.start()

    def write(self, data: bytes) -> None:
        os.write(self._writing, data)

    @property
    def held(self) -> bytes:
        """The state of a progress bar that is not in the log yet."""
        return self._reader._held

    def end(self) -> tuple[str, tuple[str, ...]]:
        """The log, once all is read, and the reader's tail."""
        os.close(self._writing)
        self._reader.join(20)
        assert self._log.getvalue() == self._file.read_bytes()
        return self._log.getvalue().decode(), tuple(self._reader.tail)


@pytest.mark.parametrize(
    ("pieces", "log"),
    [
        ([b"0%\r10%\r20%\r100%\n", b"done\n"], "100%\ndone\n"),
        ([b"0%\r", b"10%\r", b"100%\r", b"\n", b"done\n"], "100%\ndone\n"),
        ([b"0%\r100%\r\ndone\r\n"], "100%\ndone\n"),
        ([b"0%\r50%\r"], "50%\n"),
        ([b"0%\r50%"], "50%\n"),
        ([b"50%\r     \r\nx\n"], "50%\nx\n"),
        ([b"a\n\n \t \n\x1b[0m\nb\n"], "a\nb\n"),
        ([b"  indented\n"], "  indented\n"),
        ([b"x" * 10_000 + b"\n"], "x" * 10_000 + "\n"),
        ([b"x" * 65_536 + b"\n"], "x" * 65_536 + "\n"),
        ([b"x" * 50_000, b"x" * 20_000 + b"\ny\n"], "x" * 65_536 + "... cut, 4,464 more bytes\ny\n"),
        ([b"x" * 65_535, "é".encode() + b"\n"], "x" * 65_535 + "... cut, 1 more bytes\n"),
        ([b"x" * 60_000, b"x" * 60_000], "x" * 65_536 + "... cut, 54,464 more bytes\n"),
        ([b"x" * 60_000, b"x" * 60_000, b"\r", b"50%\r"], "50%\n"),
    ],
)
def test_what_stands_in_the_log(tmp_path: Path, pieces: list[bytes], log: str) -> None:
    output = Output(tmp_path)
    for piece in pieces:
        output.write(piece)
    assert output.end()[0] == log


def test_a_progress_bar_that_goes_on_is_shown_once_a_minute(tmp_path: Path) -> None:
    output = Output(tmp_path)
    output.write(b"0%\rbegun\n0%\r")
    until(lambda: output.held == b"0%")
    output.seconds = 59.9
    output.write(b"30%\r")
    until(lambda: output.held == b"30%")
    assert output.lines == ["begun"]
    output.seconds = 60.0
    output.write(b"31%\r")
    until(lambda: output.lines == ["begun", "31%"])
    output.write(b"32%\r")
    assert output.end()[0] == "begun\n31%\n32%\n"


def test_the_tail_keeps_indentation_and_the_beginning_of_long_lines(tmp_path: Path) -> None:
    output = Output(tmp_path)
    output.write(b'Traceback\n  File \x1b[1m"x"\n' + b"y" * 3000 + b"\n")
    assert output.end()[1] == ("Traceback", '  File "x"', "y" * 2000)


def test_a_text_of_the_runners_own_is_cut_too() -> None:
    stream = io.BytesIO()
    Log(stream).write("é" * 5_000_000)
    text = stream.getvalue().decode()
    assert text.startswith("opsctl: éé")
    assert text.endswith("é... cut, 9,934,472 more bytes\n")
    assert len(text.encode()) < LONGEST_LINE_BYTES + 100
