"""The options that every verb takes, before and after its name: `--verbose` and `--no-color`."""

from __future__ import annotations

import logging
import os
import sys
from typing import Any

import click
import typer.core


class Verbs(typer.core.TyperGroup):
    """The verbs, each with `--verbose` and `--no-color`, so that no verb has to name them."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.params += [verbose_option(), no_color_option()]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """A verb that knows `--verbose` and `--no-color`."""
        command = super().get_command(ctx, cmd_name)
        if command is not None and not any(one.name == "verbose" for one in command.params):
            command.params += [verbose_option(), no_color_option()]
        return command


def verbose_option() -> click.Option:
    """The option itself; it acts as soon as it is read, and hands nothing to the verb."""
    return typer.core.TyperOption(
        param_decls=["-v", "--verbose"],
        is_flag=True,
        default=False,
        expose_value=False,
        is_eager=True,
        help="Each AWS call, and how long it took.",
        callback=_show_calls,
    )


def no_color_option() -> click.Option:
    """The option itself; it acts as soon as it is read, and hands nothing to the verb."""
    return typer.core.TyperOption(
        param_decls=["--no-color"],
        is_flag=True,
        default=False,
        expose_value=False,
        is_eager=True,
        help="No colours, nothing drawn over.",
        callback=_switch_off,
    )


def _switch_off(context: click.Context, _option: click.Parameter, is_wanted: bool) -> None:
    """Terraform, which is started by this process, reads the variable as well."""
    if is_wanted and not os.environ.get("NO_COLOR"):
        os.environ["NO_COLOR"] = "1"
        context.call_on_close(lambda: os.environ.pop("NO_COLOR", None))


class _OnScreen(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        # Looked up anew each time: what draws live on the terminal puts its own stream there meanwhile.
        sys.stderr.write(f"{self.format(record)}\n")


def _show_calls(context: click.Context, _option: click.Parameter, is_wanted: bool) -> None:
    from opsctl.aws.call_log import CALLS

    if is_wanted and not any(isinstance(one, _OnScreen) for one in CALLS.handlers):
        handler = _OnScreen()
        CALLS.addHandler(handler)
        context.call_on_close(lambda: CALLS.removeHandler(handler))
