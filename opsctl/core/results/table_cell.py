"""Cells of tab-separated tables, which people open in spreadsheets: none is a formula or shifts the columns."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from opsctl.core.harmless import harmless

#: What a spreadsheet takes for the beginning of a formula (some also the wide signs), or for a quoted cell.
_SIGNS = "=+-@\"'\uff1d\uff0b\uff0d\uff20"
#: Almost every cell: nothing to remove, nothing that begins a formula, no blanks but single ones between words.
_PLAIN = re.compile(r"[A-Za-z0-9_.:/][!-~]*+(?: [!-~]++)*")
#: Of almost every row, all cells at once: a table of 13,500 connectomes has 200,000.
_PLAIN_ROW = re.compile(rf"(?:(?:{_PLAIN.pattern}|-[0-9]+\.[0-9]+)(?:\t|$))+")
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)


def cell(text: str) -> str:
    """A text as a cell: an apostrophe is put before what begins like a formula or a quotation, if it is no number.

    Spreadsheets then show the text and compute nothing; the files of other programs stay what they are, only their
    names are written so. Nothing is refused: one odd name must not cost the table. Whoever reads the cell by a program
    removes the leading apostrophe, which no other cell has.

    Parameters
    ----------
    text
        Of any origin. Control characters are removed; tabs and line breaks become blanks.
    """
    if _PLAIN.fullmatch(text):
        return text
    plain = " ".join(harmless(text).split())
    return f"'{plain}" if plain.startswith(tuple(_SIGNS)) and not _NUMBER.fullmatch(plain) else plain


def table_text(rows: Iterable[Sequence[str]]) -> str:
    """The content of a table, its header first."""
    return "".join(f"{_line(row)}\n" for row in rows)


def _line(row: Sequence[str]) -> str:
    line = "\t".join(row)
    if line[-1:] != "\t" and line.count("\t") == len(row) - 1 and _PLAIN_ROW.fullmatch(line):
        return line
    return "\t".join(map(cell, row))
