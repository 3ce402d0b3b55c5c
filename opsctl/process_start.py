"""What a process may be started without: its standard streams and its home folder."""

from __future__ import annotations

import os
import pwd
import sys
from collections.abc import MutableMapping


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
