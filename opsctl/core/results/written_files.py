"""The list of the files that `opsctl results` wrote into a folder: only these may be replaced by later ones.

A line for each: SHA-256, size in bytes, place. Lines are only added, before the file gets its name: a process may end
at any moment, and several may write into one folder. Each user has a list, which vouches for that user's files only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

#: Begins the names of the lists; the user's number ends them.
PREFIX = ".opsctl-files-"
HEADER = "# The files that `opsctl results` wrote here. It replaces no other files, and none that was changed since.\n"

_LINE = re.compile(r"[0-9a-f]{64} [0-9]+ [^\n]+")


def file_line(place: str, sha256: str, size_bytes: int) -> str:
    """The line of a file, without its end; empty where no file can have it."""
    line = f"{sha256} {size_bytes} {place}"
    return line if _LINE.fullmatch(line) else ""


class WrittenFiles:
    """The lines of one list.

    Parameters
    ----------
    text
        Of the list; a line of something else stands for no file.
    """

    def __init__(self, text: str = "") -> None:
        self._lines = set(text.split("\n")) - {""}
        self._without_sha256 = {line.partition(" ")[2] for line in self._lines}

    def added(self, lines: Iterable[str]) -> str:
        """Add lines; returns those that are new as they stand in the list."""
        new = dict.fromkeys(line for line in lines if line and line not in self._lines)
        self._lines.update(new)
        self._without_sha256.update(line.partition(" ")[2] for line in new)
        # The last line of the list may have been cut off.
        return "\n" + "".join(f"{line}\n" for line in new) if new else ""

    def may_have(self, place: str, size_bytes: int) -> bool:
        """Whether a file of this size was written there: others need not be read."""
        return f"{size_bytes} {place}" in self._without_sha256

    def has(self, place: str, sha256: str, size_bytes: int) -> bool:
        """Whether these bytes were written there."""
        return file_line(place, sha256, size_bytes) in self._lines
