"""The files that `results` fetched."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from opsctl.core.harmless import harmless
from opsctl.render.screen import Screen, counted

#: A scan has a connectome for each of 45 atlases: on a terminal, a few files show where they are.
_SHOWN_ON_A_TERMINAL = 8


def show_files(screen: Screen, files: Sequence[Path], *, table: Path | None) -> None:
    """Print the files' paths: all of them in a pipe, the first ones on a terminal.

    Parameters
    ----------
    table
        The table that lists them all; None where there is none.
    """
    shown = files[:_SHOWN_ON_A_TERMINAL] if screen.data.is_terminal else files
    for file in shown:
        screen.data.print(harmless(str(file)), markup=False)
    more = len(files) - len(shown)
    if more:
        where = f": {harmless(str(table))} lists them" if table is not None else ""
        screen.say(f"and {counted(more, 'file')} more{where}")
