"""What a process may be started without: its standard streams, its home folder and a size of its terminal.

And how often it looks for garbage.
"""

from __future__ import annotations

import atexit
import gc
import os
import pwd
import re
import sys
from collections.abc import MutableMapping

#: New objects before the collector looks at them. A start reaches 100,000 once, and the 700 of Python hundreds of
#: times, before its first call to AWS.
_NEW_OBJECTS = 200_000
_SIZE = re.compile(r"0*[1-9][0-9]{0,3}")


def collect_seldom() -> None:
    """Look for garbage seldom, and not at the end, where nobody needs the memory any more.

    What a start imports is no garbage, and looking through it takes a fifth of the time of a short command.
    """
    gc.set_threshold(_NEW_OBJECTS)
    atexit.register(gc.freeze)


def forget_nonsense_size(environment: MutableMapping[str, str]) -> None:
    """Remove COLUMNS and LINES that are no size of a terminal; the libraries that read them fail on some."""
    for name in ("COLUMNS", "LINES"):
        if name in environment and not _SIZE.fullmatch(environment[name]):
            del environment[name]


def open_closed_streams() -> None:
    """Open the standard streams that the process was started without (`<&-`, `>&-`, `2>&-`) on the null device.

    Otherwise the next file that is opened would get the number of a standard stream, and messages would go into it.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            # The lowest free number is the stream's: those below it are open by now.
            os.open(os.devnull, os.O_RDONLY if number == 0 else os.O_WRONLY)
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, "r" if number == 0 else "w", closefd=False))


def name_home_folder(environment: MutableMapping[str, str]) -> None:
    """Set HOME to the root folder where neither it nor the user database names a home, as Docker does.

    Libraries would otherwise make a folder named `~` in the working folder, or fail. A relative HOME counts as none.
    """
    if environment.get("HOME", "").startswith("/"):
        return
    environment.pop("HOME", None)
    try:
        pwd.getpwuid(os.getuid())
    except KeyError:
        environment["HOME"] = "/"
