"""Somebody at a terminal: types, resizes, reads the screen. Behind it pexpect and pyte."""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pexpect
import pyte
import pyte.modes

_ALTERNATE = 1049 << 5
_ROWS = 24
#: At most; far more than a loaded machine takes.
_SECONDS = 120.0
_SCREENS = Path(__file__).parent / "screens"

#: Names and times, which differ from one day to the next in their letters only.
_NAMES = re.compile(
    r"-\d{8}-\d{6}-[0-9a-f]{4}|[0-9a-f]{64}|[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    r"|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
)
#: Durations and what they cost.
_AMOUNTS = (
    (re.compile(r"(?: +\d+ min)? +\d+(\.\d)? s\b"), " N s"),
    (re.compile(r"(?:about|under)(\s+)\$0\.0\d\b"), r"about\1$0.0N"),
    (re.compile(r" {2,}(?:about )?\$0\.0[N\d] "), "  $0.0N "),
)


class Window(pyte.HistoryScreen):
    """A screen with a scrollback, and a second one that leaves nothing (`watch`, `less`), which pyte has not."""

    def set_mode(self, *modes: int, private: bool = False) -> None:
        """Go to the second screen."""
        if private and 1049 in modes:
            rows = [dict(self.buffer[row]) for row in range(self.lines)]
            self._first = (rows, self.cursor.y, self.cursor.x, len(self.history.top))
            self.erase_in_display(2)
            self.is_second = True
            return
        super().set_mode(*modes, private=private)

    def reset_mode(self, *modes: int, private: bool = False) -> None:
        """Come back."""
        if private and 1049 in modes:
            self.is_second = False
            self.erase_in_display(2)
            rows, self.cursor.y, self.cursor.x, past = self._first
            # What scrolls out of the second screen is gone.
            while len(self.history.top) > past:
                self.history.top.pop()
            for number, row in enumerate(rows[: self.lines]):
                self.buffer[number].update(row)
            return
        super().reset_mode(*modes, private=private)

    is_second = False

    @property
    def text(self) -> str:
        """The scrollback and the screen, without what is empty."""
        past = ["".join(row[column].data for column in range(self.columns)) for row in self.history.top]
        return "\n".join(line.rstrip() for line in [*past, *self.display]).rstrip("\n")


class Terminal:
    """A program in a window.

    Attributes
    ----------
    raw
        All bytes that it wrote.
    """

    def __init__(self, words: list[str], environment: Mapping[str, str], *, columns: int, folder: Path | None) -> None:
        self.window = Window(columns, _ROWS, history=5000)
        self._stream = pyte.ByteStream(self.window)
        self.raw = b""
        self._child = pexpect.spawn(
            sys.executable,
            ["-m", "opsctl", *words],
            env=dict(environment),
            dimensions=(_ROWS, columns),
            timeout=_SECONDS,
            cwd=folder,
            # A test run that was started in the background ignores SIGINT, and its children would inherit that.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        self._child.delaybeforesend = None

    def _read(self, seconds: float) -> bool:
        try:
            new = self._child.read_nonblocking(65536, timeout=seconds)
        except pexpect.TIMEOUT:
            return True
        except pexpect.EOF:
            return False
        self.raw += new
        self._stream.feed(new)
        return True

    def until(self, fact: Callable[[], object] | str) -> str:
        """Read until a text is on the screen, or something is so; give the screen."""
        is_so = (lambda: fact in self.window.text) if isinstance(fact, str) else fact
        deadline = time.monotonic() + _SECONDS
        while not is_so():
            assert self._read(0.1), f"it ended without {fact!r}:\n{self.window.text}"
            assert time.monotonic() < deadline, f"{fact!r} did not come:\n{self.window.text}"
        return self.window.text

    def type(self, text: str) -> None:
        """Press keys."""
        self._child.send(text)

    def resize(self, columns: int, rows: int = _ROWS) -> None:
        """Draw the window's corner."""
        self.window.resize(rows, columns)
        self._child.setwinsize(rows, columns)

    def end(self) -> int:
        """Read to the end; give the exit code."""
        deadline = time.monotonic() + _SECONDS
        while self._read(0.1):
            assert time.monotonic() < deadline, f"it does not end:\n{self.window.text}"
        self._child.close()
        assert self._child.exitstatus is not None, f"killed by {self._child.signalstatus}"
        return int(self._child.exitstatus)

    def close(self) -> None:
        """End it by force."""
        self._child.close(force=True)


class Seat:
    """Opens terminals."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._terminals: list[Terminal] = []

    def open(self, *words: str, columns: int = 80, folder: Path | None = None, **variables: str) -> Terminal:
        """Type a command line into a new window."""
        environment = {**self._environment, **variables}
        self._terminals.append(Terminal([*words], environment, columns=columns, folder=folder))
        return self._terminals[-1]

    def close(self) -> None:
        """Close every window."""
        for one in self._terminals:
            one.close()


def run_of(text: str) -> str:
    """The run id in a text."""
    found = re.search(r"\b\w+-\d{8}-\d{6}-[0-9a-f]{4}\b", text)
    assert found, text
    return found[0]


def _masked(text: str) -> str:
    """Names and times without their letters, also where the window's edge breaks them."""
    places = [place for place, letter in enumerate(text) if letter != "\n"]
    shown = list(text)
    for found in _NAMES.finditer(text.replace("\n", "")):
        for place in places[found.start() : found.end()]:
            shown[place] = "x" if shown[place].isalnum() else shown[place]
    return "".join(shown)


def same_as_kept(name: str, text: str, *, columns: int, folder: Path | None = None) -> None:
    """Hold a screen against the one that was kept; `OPSCTL_KEEP_SCREENS=1` keeps it anew."""
    text = _masked(text)
    for pattern, word in _AMOUNTS:
        text = pattern.sub(word, text)
    if folder is not None:
        text = text.replace(str(folder), "FOLDER")
    kept = _SCREENS / f"{name}.{columns}.txt"
    if os.environ.get("OPSCTL_KEEP_SCREENS") == "1":
        kept.write_text(f"{text}\n")
    assert f"{text}\n" == kept.read_text(), f"{kept.name}: OPSCTL_KEEP_SCREENS=1 keeps the new screen"
