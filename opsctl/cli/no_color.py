"""`--no-color`, understood before and after the verb: what `NO_COLOR` says, said for one command."""

from __future__ import annotations

import os

import click
import typer.core


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
