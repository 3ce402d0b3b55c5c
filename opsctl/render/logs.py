"""Shows log lines of many scans, each line after its scan's name, which has a fixed colour per scan."""

from __future__ import annotations

import zlib
from collections.abc import Collection
from copy import copy
from functools import lru_cache

from rich.segment import Segment, Segments
from rich.style import Style

from opsctl.commands.logs.follow import DoneBefore, Event, NextAttempt, ScanEnd
from opsctl.core.errors import Problem
from opsctl.core.harmless import harmless
from opsctl.core.logs.log_line import LogLine
from opsctl.core.runs.status import RunStatus
from opsctl.render.screen import Screen, counted
from opsctl.render.status import end_line, show_status

#: m2g prints lists of 47 paths in one line. A terminal gets the beginning, a pipe and `--json` get everything.
_LONGEST_ON_A_TERMINAL = 400
_COLOURS = (
    "cyan",
    "magenta",
    "green",
    "yellow",
    "blue",
    "bright_cyan",
    "bright_magenta",
    "bright_green",
    "bright_blue",
)


class LogView:
    """Prints lines and ends, or one JSON object a line.

    Parameters
    ----------
    names
        The scans that are shown; the longest name sets the width of the first column.
    with_time
        Start each line with its time, UTC.
    """

    def __init__(
        self, screen: Screen, *, names: Collection[str], as_json: bool = False, with_time: bool = False
    ) -> None:
        self._screen = screen
        self._width = max(map(len, names), default=0)
        self._as_json = as_json
        self._with_time = with_time
        self._bar = "│" if screen.data.knows_unicode else "|"
        # Cached: rich takes a tenth of a millisecond, and there may be a million lines.
        self._colored_name = lru_cache(maxsize=None)(self._format_name)

    def show(self, event: Event) -> None:
        """Show a log line on standard output, any other event on standard error."""
        if isinstance(event, LogLine):
            if self._as_json:
                self._screen.json_line(event.as_json())
            else:
                self._write(self._prefixed(event))
        elif isinstance(event, ScanEnd):
            scan = event.scan
            self._screen.words.print(end_line(scan.name, scan.state, scan.cause, scan.seconds))
        elif isinstance(event, NextAttempt):
            self._screen.say(f"{event.scan} is tried again: attempt {event.attempt}", style="yellow")
        elif isinstance(event, DoneBefore):
            self._screen.say(f"{counted(event.count, 'scan')} done before", style="green")
        else:
            self.hitch(event.problem)

    def hitch(self, problem: Problem) -> None:
        """Say that AWS does not answer for now."""
        self._screen.warn(f"{problem.what} Trying again; no line is lost.")

    @property
    def is_unread(self) -> bool:
        """Whether the reader of standard output has gone."""
        return self._screen.data.is_unread

    def show_end(self, status: RunStatus) -> None:
        """Show the run's status at the end, on standard error: standard output holds log lines only."""
        if self._as_json:
            return
        stderr_only = copy(self._screen)
        stderr_only.data = self._screen.words
        stderr_only.say()
        show_status(stderr_only, status)

    def _prefixed(self, line: LogLine) -> str:
        # To the second; JSON has the milliseconds.
        prefix = (f"{line.time[:19]}Z " if self._with_time else "") + self._colored_name(line.scan)
        lines = line.message.rstrip("\r\n").split("\n")
        # Of what was printed over the same line, as progress bars are, the last is what a terminal would show.
        shown = [self._shortened(harmless(text.rstrip("\r").rpartition("\r")[2])) for text in lines]
        return prefix + f"\n{prefix}".join(shown)

    def _shortened(self, text: str) -> str:
        more = len(text) - _LONGEST_ON_A_TERMINAL
        if more <= 0 or not self._screen.data.is_terminal:
            return text
        return f"{text[:_LONGEST_ON_A_TERMINAL]}… ({more:,} more characters: in a pipe, or with --json)"

    def _format_name(self, scan: str) -> str:
        colour = _COLOURS[zlib.crc32(scan.encode()) % len(_COLOURS)]
        with self._screen.data.capture() as captured:
            # Segments, because text would be folded to the terminal's width.
            name = f"{harmless(scan):<{self._width}} {self._bar} "
            self._screen.data.print(Segments([Segment(name, Style.parse(colour))]), end="")
        return captured.get()

    def _write(self, text: str) -> None:
        data = self._screen.data
        if data.is_unread:
            return
        try:
            data.file.write(f"{text}\n")
            data.file.flush()
        except BrokenPipeError:
            data.on_broken_pipe()
