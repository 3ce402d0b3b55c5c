"""The options of every verb, before and after its name: `--verbose` and `--no-color`."""

from __future__ import annotations

import logging
import os
import sys
from typing import Any

import click
import typer.core


class Verbs(typer.core.TyperGroup):
    """A group that adds `--verbose` and `--no-color` to each verb."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.params += [verbose_option(), no_color_option()]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """A verb with `--verbose` and `--no-color`."""
        command = super().get_command(ctx, cmd_name)
        if command is not None and not any(parameter.name == "verbose" for parameter in command.params):
            command.params += [verbose_option(), no_color_option()]
        return command


def verbose_option() -> click.Option:
    """Create the option. Its callback does everything; the verb gets no parameter."""
    return typer.core.TyperOption(
        param_decls=["-v", "--verbose"],
        is_flag=True,
        default=False,
        expose_value=False,
        is_eager=True,
        help="Show each AWS call and how long it took.",
        callback=_show_calls,
    )


def no_color_option() -> click.Option:
    """Create the option. Its callback does everything; the verb gets no parameter."""
    return typer.core.TyperOption(
        param_decls=["--no-color"],
        is_flag=True,
        default=False,
        expose_value=False,
        is_eager=True,
        help="Use no colours, and do not redraw lines.",
        callback=_disable_color,
    )


def _disable_color(context: click.Context, _option: click.Parameter, is_set: bool) -> None:
    """Set NO_COLOR, which Terraform reads too."""
    if is_set and not os.environ.get("NO_COLOR"):
        os.environ["NO_COLOR"] = "1"
        context.call_on_close(lambda: os.environ.pop("NO_COLOR", None))


class _StderrHandler(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        # Not stored: rich replaces sys.stderr while it draws on the terminal.
        sys.stderr.write(f"{self.format(record)}\n")


def _show_calls(context: click.Context, _option: click.Parameter, is_set: bool) -> None:
    from opsctl.aws.call_log import CALLS
    from opsctl.log_format import EntryFormatter

    if is_set and not any(isinstance(handler, _StderrHandler) for handler in CALLS.handlers):
        handler = _StderrHandler()
        handler.setFormatter(EntryFormatter())
        CALLS.addHandler(handler)
        context.call_on_close(lambda: CALLS.removeHandler(handler))


def is_verbose() -> bool:
    """Whether `--verbose` was given: AWS's own words are shown beside a user's."""
    from opsctl.aws.call_log import CALLS

    return any(isinstance(handler, _StderrHandler) for handler in CALLS.handlers)
