"""A user at a terminal: types, resizes the window, reads the screen; by pexpect and pyte."""

from __future__ import annotations

import re
import signal
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pexpect
import pyte
import pyte.modes
from support.golden import compare

_ALTERNATE = 1049 << 5
_ROWS = 24
#: At most; far more than a loaded machine takes.
_SECONDS = 120.0
_SCREENS = Path(__file__).parent / "screens"

#: Ids and times, which differ between runs but have a fixed length.
_IDS = re.compile(
    r"-\d{8}-\d{6}-[0-9a-f]{4}|[0-9a-f]{64}|(?<=preview:)[0-9a-f]{16}|(?<=work      )[0-9a-f]{12}|[0-9a-f]{32}"
    r"|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    r"|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
)
#: Durations and what they cost.
_AMOUNTS = (
    (re.compile(r"(?: +\d+ min)? +\d+(\.\d)? s\b"), " N s"),
    (re.compile(r"(?:about|under)(\s+)\$0\.0\d\b"), r"about\1$0.0N"),
    (re.compile(r" {2,}(?:about )?\$0\.0[N\d] "), "  $0.0N "),
)


class Window(pyte.HistoryScreen):
    """A screen with a scrollback and the alternate screen (`watch`, `less`), which pyte lacks."""

    def set_mode(self, *modes: int, private: bool = False) -> None:
        """Enter the alternate screen."""
        if private and 1049 in modes:
            rows = [dict(self.buffer[row]) for row in range(self.lines)]
            self._first = (rows, self.cursor.y, self.cursor.x, len(self.history.top))
            self.erase_in_display(2)
            self.is_alternate = True
            return
        super().set_mode(*modes, private=private)

    def reset_mode(self, *modes: int, private: bool = False) -> None:
        """Leave the alternate screen."""
        if private and 1049 in modes:
            self.is_alternate = False
            self.erase_in_display(2)
            rows, self.cursor.y, self.cursor.x, past = self._first
            # The alternate screen has no scrollback.
            while len(self.history.top) > past:
                self.history.top.pop()
            for number, row in enumerate(rows[: self.lines]):
                self.buffer[number].update(row)
            return
        super().reset_mode(*modes, private=private)

    is_alternate = False

    @property
    def text(self) -> str:
        """The scrollback and the screen without trailing blanks."""
        past = ["".join(row[column].data for column in range(self.columns)) for row in self.history.top]
        return "\n".join(line.rstrip() for line in [*past, *self.display]).rstrip("\n")


class Terminal:
    """A program in a window.

    Attributes
    ----------
    raw
        All bytes that it wrote.
    """

    def __init__(
        self, arguments: list[str], environment: Mapping[str, str], *, columns: int, folder: Path | None
    ) -> None:
        self.window = Window(columns, _ROWS, history=5000)
        self._stream = pyte.ByteStream(self.window)
        self.raw = b""
        self._child = pexpect.spawn(
            sys.executable,
            ["-m", "opsctl", *arguments],
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

    def until(self, condition: Callable[[], object] | str) -> str:
        """Read until a text is on the screen or a condition holds; return the screen."""
        holds = (lambda: condition in self.window.text) if isinstance(condition, str) else condition
        deadline = time.monotonic() + _SECONDS
        while not holds():
            assert self._read(0.1), f"it ended without {condition!r}:\n{self.window.text}"
            assert time.monotonic() < deadline, f"{condition!r} did not come:\n{self.window.text}"
        return self.window.text

    def type(self, text: str) -> None:
        """Press keys."""
        self._child.send(text)

    def resize(self, columns: int, rows: int = _ROWS) -> None:
        """Change the window's size."""
        self.window.resize(rows, columns)
        self._child.setwinsize(rows, columns)

    def end(self, *, seconds: float = _SECONDS, yes: bool = False) -> int:
        """Read to the end; return the exit code. With `yes` each question is answered with y."""
        deadline = time.monotonic() + seconds
        while self._read(0.1):
            if yes and self.window.text.endswith("[y/N]"):
                self.type("y\n")
                self.until(lambda: not self.window.text.endswith("[y/N]"))
            assert time.monotonic() < deadline, f"it does not end:\n{self.window.text}"
        self._child.close()
        assert self._child.exitstatus is not None, f"killed by {self._child.signalstatus}"
        return int(self._child.exitstatus)

    def close(self) -> None:
        """Kill the program."""
        self._child.close(force=True)


class Terminals:
    """Opens terminals, and closes them together."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._terminals: list[Terminal] = []

    def open(self, *arguments: str, columns: int = 80, folder: Path | None = None, **variables: str) -> Terminal:
        """Run a command line in a new window."""
        environment = {**self._environment, **variables}
        self._terminals.append(Terminal([*arguments], environment, columns=columns, folder=folder))
        return self._terminals[-1]

    def close(self) -> None:
        """Close every window."""
        for terminal in self._terminals:
            terminal.close()


def run_id_in(text: str) -> str:
    """The run id in a text."""
    match = re.search(r"\b\w+-\d{8}-\d{6}-[0-9a-f]{4}\b", text)
    assert match, text
    return match[0]


def _masked(text: str) -> str:
    """Replace the characters of ids and times by x, also where the window's edge breaks them."""
    positions = [position for position, character in enumerate(text) if character != "\n"]
    masked = list(text)
    for match in _IDS.finditer(text.replace("\n", "")):
        for position in positions[match.start() : match.end()]:
            masked[position] = "x" if masked[position].isalnum() else masked[position]
    return "".join(masked)


def assert_as_recorded(name: str, text: str, *, columns: int, folder: Path | None = None) -> None:
    """Compare a screen with the recorded one, ids, durations and costs masked; `support.golden` records it again."""
    text = _masked(text)
    for pattern, replacement in _AMOUNTS:
        text = pattern.sub(replacement, text)
    if folder is not None:
        text = text.replace(str(folder), "FOLDER")
    compare(_SCREENS / f"{name}.{columns}.txt", f"{text}\n")
