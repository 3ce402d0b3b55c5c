"""A console that folds lines between words on a terminal; elsewhere each stays one line."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Sequence
from typing import Any

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from opsctl.core.harmless import LONGEST_MESSAGE, harmless, shortened

# A number and its unit count as one word.
_WORD = re.compile(r"(\(?\d[\d.,]* (?:[kMGT]?B|s|min|h)\b\S*|\S+)\s*")
_HANGING = _ARROW = 2
_LEAST_WORDS = 16
_GAP = "  "


def harmless_text(text: Text) -> Text:
    """The same for styled text, which loses its inner styles if something was removed."""
    plain = harmless(text.plain)
    return text if plain == text.plain else Text(plain, style=text.style)


class Page(Console):
    """Prints text that cannot move the terminal, folded to its width.

    A reader that closes the pipe (`| head`) is no error: further output is dropped, and the verb runs to its end.

    Attributes
    ----------
    is_unread
        The reader has gone: a verb that would print without end should stop.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(emoji=False, highlight=False, markup=False, soft_wrap=True, **settings)
        self.is_unread = False
        if self.is_dumb_terminal:
            # Rich would assume 80 columns.
            self.width = shutil.get_terminal_size().columns

    @property
    def room(self) -> int | None:
        """The width of a line; None off a terminal, where lines are not folded."""
        return self.width if self.file.isatty() else None

    @property
    def is_live(self) -> bool:
        """Whether output may be redrawn: on a terminal that supports it and has colours enabled."""
        return self.file.isatty() and self.is_terminal and not self.is_dumb_terminal and not self.no_color

    @property
    def knows_unicode(self) -> bool:
        """Whether the encoding has bars and arrows."""
        return self.encoding.startswith("utf")

    def print(self, *objects: Any, **settings: Any) -> None:
        """Print objects; control sequences are removed from text, and it is cut (`shortened`) and folded."""
        super().print(*(self._fitted(printed) for printed in objects), **settings)

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        """Write what is due; Rich would write it again after a Ctrl-C that comes during the write."""
        try:
            super().__exit__(kind, error, trace)
        except KeyboardInterrupt:
            with self.capture():  # which empties Rich's buffer
                raise

    def on_broken_pipe(self) -> None:
        """Drop all further output; Python would otherwise report the broken pipe again while closing."""
        self.is_unread = self.quiet = True
        devnull = os.open(os.devnull, os.O_WRONLY)
        os.dup2(devnull, self.file.fileno())
        os.close(devnull)

    def _fitted(self, printed: Any) -> Any:
        if isinstance(printed, str):
            # Before the `Text`, which removes BEL, the end of a title.
            printed = Text(harmless(shortened(printed)))
        if not isinstance(printed, Text):
            return printed
        if len(printed) > LONGEST_MESSAGE:
            printed = Text(shortened(printed.plain), style=printed.style)
        return harmless_text(printed) if self.room is None else Text("\n").join(self.folded(printed))

    def folded(self, text: Text) -> list[Text]:
        """Text without control sequences as lines of this page's width."""
        lines = harmless_text(text).split("\n", allow_blank=True)
        return [part for line in lines for part in fold(line, self.width)]


def fold(line: Text, width: int) -> list[Text]:
    """Fold one line between words; further lines are indented.

    A word that is longer than a line (a path, a URI) starts a line of its own and is not broken: the terminal wraps
    it, and it can be copied as a whole.
    """
    if line.cell_len <= width:
        return [line]
    indent = len(line.plain) - len(line.plain.lstrip(" "))
    hanging = indent + _HANGING if width - indent - _HANGING >= _LEAST_WORDS else 0
    breaks, used = [], indent
    for word in _WORD.finditer(line.plain, indent):
        # An arrow stays on the line of a word that is too long for any line.
        if used + cell_len(word[1]) > width and word.start() > indent + _ARROW:
            breaks.append(word.start())
            used = hanging
        used += cell_len(word[0])
    parts = line.divide(breaks)
    for part in parts:
        part.rstrip()
    return [parts[0], *(Text(" " * hanging) + part for part in parts[1:])]


def table(rows: Sequence[Sequence[Text | str]], *, room: int | None, right: Sequence[int] = ()) -> list[Text]:
    """Align rows of cells in columns; if they do not fit, put each row's cells below its first.

    Parameters
    ----------
    room
        The width of a line; None: unlimited.
    right
        The columns that are aligned right, by index.
    """
    cells = [[Text(harmless(cell)) if isinstance(cell, str) else cell for cell in row] for row in rows]
    widths = [max(cell.cell_len for cell in column) for column in zip(*cells, strict=True)]
    lines = []
    for row in cells:
        line = Text()
        for number, (cell, width) in enumerate(zip(row, widths, strict=True)):
            space = " " * (width - cell.cell_len)
            line += Text(_GAP if number else "") + (Text(space) + cell if number in right else cell + Text(space))
        line.rstrip()
        lines.append(line)
    if room is None or max((line.cell_len for line in lines), default=0) <= room:
        return lines
    return _stacked(cells, room)


def _stacked(rows: Sequence[Sequence[Text]], room: int) -> list[Text]:
    """Each row's cells below its first, as many on a line as there is room for."""
    folded: list[Text] = []
    for row in rows:
        under = " " * (len(row[0].plain) - len(row[0].plain.lstrip(" ")) + _HANGING)
        folded.append(row[0])
        for number, cell in enumerate(cell for cell in row[1:] if cell.plain):
            if number and folded[-1].cell_len + len(_GAP) + cell.cell_len <= room:
                folded[-1] += Text(_GAP) + cell
            else:
                folded.append(Text(under) + cell)
    return folded


def headed_table(
    header: Sequence[str],
    rows: Sequence[Sequence[Text | str]],
    labelled: Sequence[Sequence[Text | str]],
    *,
    room: int | None,
    right: Sequence[int] = (),
) -> list[Text]:
    """Align rows below a header; in a pipe a script reads them, so it has none.

    Parameters
    ----------
    labelled
        The rows for a window that is too narrow for columns: their cells stand below each other, where no header
        explains them.
    """
    if not rows or room is None:
        return table(rows, room=room, right=right)
    lines = table([[Text(title, style="dim") for title in header], *rows], room=None, right=right)
    if max(line.cell_len for line in lines) <= room:
        return lines
    return _stacked(
        [[Text(harmless(cell)) if isinstance(cell, str) else cell for cell in row] for row in labelled], room
    )
