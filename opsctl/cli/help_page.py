"""Help that is read in a narrow window too."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from typing import Any

import click

_DEFAULT_WIDTH = 80
_NARROW = 60
_NARROW_TERM = 8


class HelpPage(click.HelpFormatter):
    """Click's help, in windows of fewer than 50 columns too; in narrow ones each option's words stand under it."""

    def __init__(self, indent_increment: int = 2, width: int | None = None, max_width: int | None = None) -> None:
        columns = shutil.get_terminal_size().columns
        # A column is left free: some terminals go to the next line as soon as the last one is full.
        fitting = min(columns, max_width or _DEFAULT_WIDTH) - 2
        super().__init__(indent_increment, width=width or fitting, max_width=max_width)

    def write_dl(self, rows: Sequence[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        """Terms and what they mean."""
        super().write_dl(rows, min(col_max, _NARROW_TERM) if self.width < _NARROW else col_max, col_spacing)


def use_help_page(context_class: Any = click.Context) -> None:
    """Let every page be such a one: click takes a formatter from its context class only."""
    context_class.formatter_class = HelpPage
