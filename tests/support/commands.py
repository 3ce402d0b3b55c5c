"""All commands of opsctl, as its typer application has them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click
import typer.main

from opsctl.cli import app


def commands() -> dict[tuple[str, ...], Any]:
    """Every command by the words that are typed for it, such as `("image", "push")`."""
    root: Any = typer.main.get_command(app)
    return dict(_below(root, click.Context(root), ()))


def _below(group: Any, context: click.Context, words: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from _below(command, context, (*words, name))
        else:
            yield (*words, name), command
