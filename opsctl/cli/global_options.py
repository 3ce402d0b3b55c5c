"""The options of every verb, before and after its name: `--verbose` and `--no-color`."""

from __future__ import annotations

import os
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


def _show_calls(context: click.Context, _option: click.Parameter, is_set: bool) -> None:
    if is_set:
        from opsctl.cli.call_lines import show_calls

        show_calls(context)


def is_verbose() -> bool:
    """Whether `--verbose` was given: AWS's own words are shown beside a user's."""
    from opsctl.cli.call_lines import are_calls_shown

    return are_calls_shown()
