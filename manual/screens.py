"""Pictures of a terminal's screen, by rich's own export; they load nothing from the network."""

from __future__ import annotations

import html
import io
import re
from collections.abc import Sequence
from itertools import groupby
from typing import Protocol

from rich.console import Console
from rich.style import Style
from rich.terminal_theme import DIMMED_MONOKAI
from rich.text import Text

#: rich's picture without the two fonts that it would load from a CDN, and without the buttons of a window.
_FONT_FACE = re.compile(r"@font-face \{.*?\}\s*", re.S)
_FONTS = "ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace"
#: pyte's names of colours that rich calls otherwise.
_COLORS = {"default": None, "brown": "yellow", "brightbrown": "bright_yellow"}


class Cell(Protocol):
    """One character of a screen, as pyte has it."""

    data: str
    fg: str
    bold: bool
    reverse: bool
    italics: bool
    underscore: bool


def svg(rows: Sequence[Sequence[Cell]], *, title: str) -> str:
    """The picture of a screen's rows."""
    width = max((len(row) for row in rows), default=80)
    console = Console(record=True, width=width, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    for row in rows:
        console.print(_line(row), no_wrap=True, overflow="crop", highlight=False)
    picture = console.export_svg(title=title, theme=DIMMED_MONOKAI, unique_id=f"screen-{re.sub(r'[^a-z]', '-', title)}")
    picture = _FONT_FACE.sub("", picture)
    return picture.replace("Fira Code, monospace", _FONTS).replace("font-family: Fira Code", f"font-family: {_FONTS}")


def _line(row: Sequence[Cell]) -> Text:
    line = Text()
    # Cells of one style are one piece: rich would leave out a piece that is a blank.
    for style, cells in groupby(row, key=_style):
        line.append("".join(cell.data for cell in cells), style)
    line.rstrip()
    return line


def _style(cell: Cell) -> Style:
    color = _COLORS.get(cell.fg, cell.fg)
    if color is not None and re.fullmatch(r"[0-9a-f]{6}", color):
        color = f"#{color}"
    if color is not None and color.startswith("bright") and not color.startswith("bright_"):
        color = color.replace("bright", "bright_", 1)
    return Style(color=color, bold=cell.bold, reverse=cell.reverse, italic=cell.italics, underline=cell.underscore)


def text_of(picture: str) -> str:
    """The letters of such a picture, without blanks: rich leaves out pieces that are blank."""
    lines: dict[float, list[tuple[float, str]]] = {}
    for x, y, words in re.findall(r'<text class="[^"]*" x="([\d.]+)" y="([\d.]+)"[^>]*>(.*?)</text>', picture, re.S):
        lines.setdefault(float(y), []).append((float(x), html.unescape(words)))
    joined = ("".join(words for _, words in sorted(cells)) for _, cells in sorted(lines.items()))
    return "".join("".join(joined).replace("\xa0", " ").split())
