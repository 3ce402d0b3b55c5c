"""Completion by typer, for what `opsctl.completion` does not read by itself; the offers are the same ones."""

from __future__ import annotations

import os

import click.shell_completion
import typer
import typer._completion_classes

from opsctl.completion import offers
from opsctl.completion.bash_words import whole_words

# Typer would import rich to remove its markup from every line of help; there is none.
typer._completion_classes._sanitize_help_text = str  # type: ignore[assignment]


def _offered(
    self: click.shell_completion.ShellComplete, args: list[str], incomplete: str
) -> list[click.shell_completion.CompletionItem]:
    return [item for item in _completed(self, args, incomplete) if offers.is_offered(item.value, incomplete=incomplete)]


# The classes of all shells share this method: no completion of a verb can be forgotten.
_completed = click.shell_completion.ShellComplete.get_completions
click.shell_completion.ShellComplete.get_completions = _offered  # type: ignore[method-assign]


class _BashComplete(typer._completion_classes.BashComplete):
    """Typer's, for words with a colon: bash replaces only what is behind the last one."""

    _kept = 0

    def get_completion_args(self) -> tuple[list[str], str]:
        words = click.shell_completion.split_arg_string(os.environ["COMP_WORDS"])
        arguments, incomplete, self._kept = whole_words(words, int(os.environ["COMP_CWORD"]))
        return arguments, incomplete

    def format_completion(self, item: click.shell_completion.CompletionItem) -> str:
        return super().format_completion(item)[self._kept :]


typer._completion_classes.BashComplete = _BashComplete  # type: ignore[misc]


def runs(ctx: typer.Context) -> list[str]:
    """The newest runs, newest first."""
    return offers.runs(ctx)


def scans(ctx: typer.Context, incomplete: str) -> list[str]:
    """The scans that begin with the typed text, of the chosen run or dataset."""
    # Typer would filter ten thousand of them more slowly.
    return [name for name in offers.scans(ctx) if name.startswith(incomplete)]


def datasets(ctx: typer.Context) -> list[str]:
    """The datasets of the configuration, and those that earlier commands found in the bucket or ran."""
    return offers.datasets(ctx)


def platforms(ctx: typer.Context) -> list[str]:
    """The platforms known on this machine."""
    return offers.platforms(ctx)


def parcellations(ctx: typer.Context) -> list[str]:
    """The atlases of neuroparc, each spelled so that it is selected alone."""
    return offers.parcellations(ctx)
