"""Help pages that fit narrow windows."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from typing import Any

import click
import typer.core

_DEFAULT_WIDTH = 80
_NARROW = 60
_NARROW_TERM = 8


class HelpPage(click.HelpFormatter):
    """Click's help, also in windows of fewer than 50 columns; in narrow ones each description is below its option."""

    def __init__(self, indent_increment: int = 2, width: int | None = None, max_width: int | None = None) -> None:
        columns = shutil.get_terminal_size().columns
        # One column stays free: some terminals start a new line when the last column is filled.
        fitting = min(columns, max_width or _DEFAULT_WIDTH) - 2
        super().__init__(indent_increment, width=width or fitting, max_width=max_width)

    def write_dl(self, rows: Sequence[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        """Write terms and their descriptions."""
        super().write_dl(rows, min(col_max, _NARROW_TERM) if self.width < _NARROW else col_max, col_spacing)


class CommandWithPanels(typer.core.TyperCommand):
    """A command whose help shows the options of each `rich_help_panel` under a heading of their own."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the arguments, then the options of each panel in the order of the panels' first options."""
        panels: dict[str, list[tuple[str, str]]] = {"Arguments": []}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None:
                usual = "Arguments" if parameter.param_type_name == "argument" else "Options"
                panels.setdefault(getattr(parameter, "rich_help_panel", None) or usual, []).append(record)
        for heading, records in panels.items():
            if records:
                with formatter.section(heading):
                    formatter.write_dl(records)


def use_help_page(context_class: Any = click.Context) -> None:
    """Use this formatter for every page: click takes it from its context class only."""
    context_class.formatter_class = HelpPage
