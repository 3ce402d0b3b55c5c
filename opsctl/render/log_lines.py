"""Log lines of many scans in one stream, each under its scan's name, one stable colour a scan."""

from __future__ import annotations

import zlib
from collections.abc import Collection

from rich.text import Text

from opsctl.commands.logs import LogLine, ScanEnd
from opsctl.render.screen import Screen, harmless
from opsctl.render.status import end_line

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
        The scans that are shown; the longest says where the bars stand below each other.
    """

    def __init__(self, screen: Screen, *, names: Collection[str], as_json: bool) -> None:
        self._screen = screen
        self._names = frozenset(names)
        self._width = max(map(len, names))
        self._as_json = as_json
        self._bar = "│" if screen.data.encoding.startswith("utf") else "|"

    def show(self, event: LogLine | ScanEnd) -> None:
        """One line on standard output; a scan's end is words."""
        if (event.scan.name if isinstance(event, ScanEnd) else event.scan) not in self._names:
            return
        if isinstance(event, ScanEnd):
            scan = event.scan
            self._screen.words.print(end_line(scan.name, scan.state, scan.cause, scan.seconds))
        elif self._as_json:
            self._screen.json_line(event.as_json())
        else:
            colour = _COLOURS[zlib.crc32(event.scan.encode()) % len(_COLOURS)]
            name = f"{event.scan:<{self._width}} {self._bar} "
            self._screen.data.print(Text.assemble((name, colour), harmless(event.message).replace("\n", f"\n{name}")))
