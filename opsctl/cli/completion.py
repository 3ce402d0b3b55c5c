"""Shell completion of runs, scans, datasets and platforms, from what earlier commands stored on this machine, and of
neuroparc's atlases.

It makes no network calls and imports nothing heavy: the user waits at the prompt.

Anybody who may write to the bucket chooses names, and zsh evaluates what it is offered: `is_offered` decides for every
verb, option and argument which names a shell gets.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

import click.shell_completion
import typer
import typer._completion_classes

from opsctl.cli.bash_words import whole_words
from opsctl.config import load, working_folder
from opsctl.core.errors import Problem
from opsctl.core.runs.names import find_run
from opsctl.home import Home

if TYPE_CHECKING:
    from opsctl.commands.runs.completion_cache import CompletionReader
    from opsctl.core.config import Configuration

# Typer would import rich to remove its markup from every line of help; there is none.
typer._completion_classes._sanitize_help_text = str  # type: ignore[assignment]

#: The prefix of the configuration's keys for datasets.
DATASETS = "datasets."

_NEWEST = 100

# What no shell quotes, expands or splits; S3's names have up to 1,024 bytes. zsh takes `=ls` for a program's path.
_UNQUOTED = re.compile(r"[A-Za-z0-9._/:+@][A-Za-z0-9._/:+=@-]{0,1023}")
_OPTION = re.compile(r"--?[a-z][a-z-]*")


def is_offered(value: str, *, incomplete: str) -> bool:
    """Whether a shell may get a value: one that needs no quotes, or an option where the user began to type one.

    Parameters
    ----------
    value
        A name of any origin.
    incomplete
        The word that is being typed. A name such as `--yes` must not become an option that nobody typed.
    """
    is_option = incomplete.startswith("-") and _OPTION.fullmatch(value) is not None
    return is_option or _UNQUOTED.fullmatch(value) is not None


def _offered(
    self: click.shell_completion.ShellComplete, args: list[str], incomplete: str
) -> list[click.shell_completion.CompletionItem]:
    return [item for item in _completed(self, args, incomplete) if is_offered(item.value, incomplete=incomplete)]


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
    completion_cache = _completion_cache(ctx)
    return completion_cache.runs()[: -_NEWEST - 1 : -1] if completion_cache else []


def scans(ctx: typer.Context, incomplete: str) -> list[str]:
    """The scans that begin with the typed text, of the chosen run or dataset."""
    # Typer would filter ten thousand of them more slowly.
    return [name for name in _scans(ctx) if name.startswith(incomplete)]


def _scans(ctx: typer.Context) -> list[str]:
    completion_cache = _completion_cache(ctx)
    if completion_cache is None:
        return []
    dataset, run_id = ctx.params.get("dataset"), ctx.params.get("run_id")
    if dataset is None and "dataset" in ctx.params:
        # click stops before it parses the arguments if the last option has no value yet.
        dataset = ctx.args[0] if ctx.args else None
    if dataset:
        configured = _configuration().dataset(dataset)
        return completion_cache.scans_of(configured.value if configured else dataset)
    try:
        return completion_cache.scans(find_run(completion_cache.runs(), run_id) if run_id else None)
    except Problem:
        return []


def datasets(ctx: typer.Context) -> list[str]:
    """The datasets of the configuration, and those that earlier commands found in the bucket or ran."""
    completion_cache = _completion_cache(ctx)
    names = [key.removeprefix(DATASETS) for key in _configuration().values if key.startswith(DATASETS)]
    return sorted({*names, *(completion_cache.datasets() if completion_cache else ())})


def platforms() -> list[str]:
    """The platforms known on this machine."""
    return Home.of(os.environ).known()


def parcellations() -> list[str]:
    """The atlases of neuroparc, each spelled so that it is selected alone."""
    from opsctl.assets import atlas_table

    table = atlas_table()
    return [table.spelling(atlas.name) for atlas in table]


def _configuration() -> Configuration:
    """The valid part of the configuration; a command reports its mistakes, completion does not."""
    return load(os.environ, working_folder())


def _completion_cache(ctx: typer.Context) -> CompletionReader | None:
    from opsctl.commands.runs.completion_cache import CompletionReader

    home = Home.of(os.environ)
    name = ctx.params.get("platform") or _configuration().get("platform") or home.current()
    bucket = home.data_bucket(name) if name else None
    return CompletionReader(home.cache, bucket) if bucket else None
