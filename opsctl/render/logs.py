"""Shows log lines of many scans, each line after its scan's name, which has a fixed colour per scan."""

from __future__ import annotations

import zlib
from collections.abc import Collection, Sequence
from copy import copy
from functools import lru_cache

from rich.cells import cell_len, chop_cells
from rich.segment import Segment, Segments
from rich.style import Style

from opsctl.commands.logs.follow import DoneBefore, Event, NextAttempt, ScanEnd
from opsctl.core.errors import Problem
from opsctl.core.harmless import harmless
from opsctl.core.logs.absence import Absence
from opsctl.core.logs.log_line import LogLine
from opsctl.core.runs.status import RunStatus
from opsctl.render.screen import Screen, counted
from opsctl.render.status import end_line, show_status

#: m2g prints lists of 47 paths in one line. A terminal gets the beginning, a pipe and `--json` get everything.
_LONGEST_ON_A_TERMINAL = 400
#: Where a line has less room than this beside its scan's name, it is shown below the name.
_LEAST_ROOM = 24
_INDENT = "  "
#: Plain blue is left out: it is hard to read on black.
_COLOURS = (
    "cyan",
    "magenta",
    "green",
    "yellow",
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
        #: The scan whose name was written last, in a narrow window.
        self._heading = ""
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

    def show_none(self, absence: Absence) -> None:
        """Say on standard error why there are no lines, and where else to look."""
        self._screen.say(absence.text)
        if absence.commands:
            self._screen.hints(absence.commands)

    def _prefixed(self, line: LogLine) -> str:
        # To the second; JSON has the milliseconds.
        time = f"{line.time[:19]}Z " if self._with_time else ""
        lines = line.message.rstrip("\r\n").split("\n")
        # Of what was printed over the same line, as progress bars are, the last is what a terminal would show.
        shown = [self._shortened(harmless(text.rstrip("\r").rpartition("\r")[2])) for text in lines]
        # Asked for at each line, because the window may have been resized.
        room = self._screen.data.room
        name = self._colored_name(line.scan)
        # The name, a space, the bar and a space.
        width = len(time) + max(self._width, cell_len(line.scan)) + 3
        if room is None:
            return "\n".join(time + name + text for text in shown)
        if room - width < _LEAST_ROOM:
            return self._below_name(time, line.scan, shown, room=room)
        under = " " * len(time) + self._colored_name("")
        folded = [folded_text(text, room - width) for text in shown]
        return "\n".join(
            (under if number else time + name) + part for parts in folded for number, part in enumerate(parts)
        )

    def _below_name(self, time: str, scan: str, shown: Sequence[str], *, room: int) -> str:
        """In a narrow window: the name once, and the lines of its scan below it."""
        headings = [] if scan == self._heading else [self._styled(scan, f"{harmless(scan)} {self._bar}")]
        self._heading = scan
        parts = [part for text in shown for part in folded_text(f"{time}{text}", max(1, room - len(_INDENT)))]
        return "\n".join([*headings, *(f"{_INDENT}{part}" for part in parts)])

    def _shortened(self, text: str) -> str:
        more = len(text) - _LONGEST_ON_A_TERMINAL
        if more <= 0 or not self._screen.data.is_terminal:
            return text
        return f"{text[:_LONGEST_ON_A_TERMINAL]}… ({more:,} more characters: in a pipe, or with --json)"

    def _format_name(self, scan: str) -> str:
        return self._styled(scan, f"{harmless(scan):<{self._width}} {self._bar} ")

    def _styled(self, scan: str, text: str) -> str:
        colour = _COLOURS[zlib.crc32(scan.encode()) % len(_COLOURS)] if scan else "dim"
        with self._screen.data.capture() as captured:
            # Segments, because text would be folded to the terminal's width.
            self._screen.data.print(Segments([Segment(text, Style.parse(colour))]), end="")
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


def folded_text(text: str, width: int) -> list[str]:
    """A line of a log in parts of this width, broken at spaces where possible; what it says stays as it is.

    Parameters
    ----------
    text
        Without line ends and control sequences.
    width
        In cells of the terminal: some characters take two.
    """
    parts = []
    while cell_len(text) > width:
        part = chop_cells(text, width)[0] or text[0]
        space = part.rfind(" ")
        # A word that fills half a line, such as a path, is broken rather than the line.
        if not text[len(part) :].startswith(" ") and space > len(part) // 2:
            part = part[: space + 1]
        parts.append(part.rstrip())
        text = text[len(part) :].lstrip()
    return [*parts, text] if text or not parts else parts
