"""A console whose lines fit: on a terminal they fold between words, elsewhere each stays one line."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Sequence
from typing import Any

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

# Log lines and labels are other people's text: what moves a terminal or turns its writing round is not passed on.
_CONTROL = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-_])"
    r"|[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]"
)
# A number stays with its unit.
_WORD = re.compile(r"(\(?\d[\d.,]* (?:[kMGT]?B|s|min|h)\b\S*|\S+)\s*")
_HANGING = _ARROW = 2
_LEAST_WORDS = 16
_GAP = "  "


def harmless(text: str) -> str:
    """Text of unknown origin without terminal control sequences."""
    return _CONTROL.sub("", text)


def harmless_text(text: Text) -> Text:
    """The same; where something had to be taken out, of one colour."""
    left = harmless(text.plain)
    return text if left == text.plain else Text(left, style=text.style)


class Page(Console):
    """Prints text that cannot move the terminal, folded to its width.

    A reader that has enough (`| head`) is no error: what follows goes nowhere, and the verb comes to its own end.

    Attributes
    ----------
    is_unread
        The reader has gone: who would print for ever should end.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(emoji=False, highlight=False, markup=False, soft_wrap=True, **settings)
        self.is_unread = False
        if self.is_dumb_terminal:
            # Rich takes 80 for granted.
            self.width = shutil.get_terminal_size().columns

    @property
    def room(self) -> int | None:
        """A line's width; None off a terminal, where a line may have any."""
        return self.width if self.file.isatty() else None

    @property
    def is_live(self) -> bool:
        """Whether something may be drawn over: on a terminal that can, whose colours are not switched off."""
        return self.file.isatty() and self.is_terminal and not self.is_dumb_terminal and not self.no_color

    @property
    def knows_unicode(self) -> bool:
        """Whether bars and arrows come out as such."""
        return self.encoding.startswith("utf")

    def print(self, *objects: Any, **settings: Any) -> None:
        """Print; text is made harmless and folded first."""
        super().print(*(self._fitted(one) for one in objects), **settings)

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        """Write what is due; Rich would write it again after a Ctrl-C that comes during the write."""
        try:
            super().__exit__(kind, error, trace)
        except KeyboardInterrupt:
            with self.capture():  # which empties Rich's buffer
                raise

    def on_broken_pipe(self) -> None:
        """Nobody reads any more: Python would complain once more while closing."""
        self.is_unread = self.quiet = True
        gone = os.open(os.devnull, os.O_WRONLY)
        os.dup2(gone, self.file.fileno())
        os.close(gone)

    def _fitted(self, one: Any) -> Any:
        if isinstance(one, str):
            one = Text(harmless(one))
        if not isinstance(one, Text):
            return one
        return harmless_text(one) if self.room is None else Text("\n").join(self.folded(one))

    def folded(self, text: Text) -> list[Text]:
        """Text, made harmless, as lines of this page's width."""
        lines = harmless_text(text).split("\n", allow_blank=True)
        return [part for line in lines for part in fold(line, self.width)]


def fold(line: Text, width: int) -> list[Text]:
    """One line as several, broken between words, what follows under its indent.

    A word that is longer than a line (a path, a URI) begins a line of its own and stays one word: the terminal breaks
    it, and it can still be copied whole.
    """
    if line.cell_len <= width:
        return [line]
    indent = len(line.plain) - len(line.plain.lstrip(" "))
    hanging = indent + _HANGING if width - indent - _HANGING >= _LEAST_WORDS else 0
    breaks, used = [], indent
    for word in _WORD.finditer(line.plain, indent):
        # An arrow before what is too long for any line stays with it.
        if used + cell_len(word[1]) > width and word.start() > indent + _ARROW:
            breaks.append(word.start())
            used = hanging
        used += cell_len(word[0])
    parts = line.divide(breaks)
    for part in parts:
        part.rstrip()
    return [parts[0], *(Text(" " * hanging) + part for part in parts[1:])]


def table(rows: Sequence[Sequence[Text | str]], *, room: int | None, right: Sequence[int] = ()) -> list[Text]:
    """Rows of cells below each other; where they do not fit, each row's cells under its first.

    Parameters
    ----------
    room
        A line's width; None: any.
    right
        The columns whose cells stand at the right: numbers.
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
    folded = []
    for row in cells:
        under = " " * (len(row[0].plain) - len(row[0].plain.lstrip(" ")) + _HANGING)
        folded.append(row[0])
        for number, cell in enumerate(cell for cell in row[1:] if cell.plain):
            if number and folded[-1].cell_len + len(_GAP) + cell.cell_len <= room:
                folded[-1] += Text(_GAP) + cell
            else:
                folded.append(Text(under) + cell)
    return folded
