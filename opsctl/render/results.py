"""The files that `results` fetched."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.segment import Segment, Segments

from opsctl.core.harmless import harmless
from opsctl.render.screen import Screen, counted

#: A scan has a connectome for each of 45 atlases: on a terminal, a few files show where they are.
_SHOWN_ON_A_TERMINAL = 8


def show_files(screen: Screen, folder: Path, places: Sequence[str], *, table: Path | None) -> None:
    """Print the files' paths: all of them in a pipe, the first ones on a terminal.

    Parameters
    ----------
    places
        The files' paths below the folder.
    table
        The table that lists them all; None where there is none.
    """
    shown = places[:_SHOWN_ON_A_TERMINAL] if screen.data.is_terminal else places
    prefix = str(folder / "x")[:-1]
    lines = [harmless(prefix + place) for place in shown]
    if screen.data.is_terminal:
        for line in lines:
            screen.data.print(line, markup=False)
    else:
        # In one piece: Rich would take a millisecond for each line.
        screen.data.print(Segments([Segment("".join(f"{line}\n" for line in lines))]))
    more = len(places) - len(shown)
    if more:
        where = f": {harmless(str(table))} lists them" if table is not None else ""
        screen.say(f"and {counted(more, 'file')} more{where}")
