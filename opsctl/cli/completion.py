"""Completion in bash, zsh and fish: runs, scans, datasets and platforms, as earlier commands left them on this machine.

Nobody is asked over the network, and nothing heavy is imported: the answer comes while a person holds the Tab key.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import typer
import typer._completion_classes

from opsctl.config import load, working_folder
from opsctl.core.errors import Problem
from opsctl.core.runs.names import run_named
from opsctl.home import Home

if TYPE_CHECKING:
    from opsctl.commands.runs.completion_cache import CompletionReader
    from opsctl.core.config import Configuration

# Typer would import rich to take rich's markup out of every line of help, and there is none.
typer._completion_classes._sanitize_help_text = str  # type: ignore[assignment]

#: What the configuration's keys of datasets begin with.
DATASETS = "datasets."

_NEWEST = 100


def runs(ctx: typer.Context) -> list[str]:
    """The newest runs, newest first."""
    completion_cache = _completion_cache(ctx)
    return completion_cache.runs()[: -_NEWEST - 1 : -1] if completion_cache else []


def scans(ctx: typer.Context, incomplete: str) -> list[str]:
    """The scans of the run that is meant so far, or of the dataset, that begin as what is typed."""
    # Typer would look at each of ten thousand by itself.
    return [name for name in _scans(ctx) if name.startswith(incomplete)]


def _scans(ctx: typer.Context) -> list[str]:
    completion_cache = _completion_cache(ctx)
    if completion_cache is None:
        return []
    dataset, typed = ctx.params.get("dataset"), ctx.params.get("run_id")
    if dataset is None and "dataset" in ctx.params:
        # click gives up before it comes to the arguments where the last option still lacks its value.
        dataset = ctx.args[0] if ctx.args else None
    if dataset:
        configured = _configuration().dataset(dataset)
        return completion_cache.scans_of(configured.value if configured else dataset)
    try:
        return completion_cache.scans(run_named(completion_cache.runs(), typed) if typed else None)
    except Problem:
        return []


def datasets(ctx: typer.Context) -> list[str]:
    """The datasets that the configuration names, and those that were seen in the bucket or run."""
    completion_cache = _completion_cache(ctx)
    names = [key.removeprefix(DATASETS) for key in _configuration().values if key.startswith(DATASETS)]
    return sorted({*names, *(completion_cache.datasets() if completion_cache else ())})


def platforms() -> list[str]:
    """The platforms that this machine remembers."""
    return Home.of(os.environ).known()


def _configuration() -> Configuration:
    """Whatever of it is whole: a mistake in it is told when a command is carried out."""
    return load(os.environ, working_folder())


def _completion_cache(ctx: typer.Context) -> CompletionReader | None:
    from opsctl.commands.runs.completion_cache import CompletionReader

    home = Home.of(os.environ)
    name = ctx.params.get("platform") or _configuration().get("platform") or home.current()
    try:
        platform = home.recall(name) if name else None
    except Problem:
        return None
    return CompletionReader(home.cache, platform.data_bucket) if platform else None
