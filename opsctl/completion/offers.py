"""Runs, scans, datasets and platforms that completion offers, from what earlier commands stored on this machine, and
neuroparc's atlases.

No network calls, and nothing heavy is imported: the user waits at the prompt.

Anybody who may write to the bucket chooses names, and zsh evaluates what it is offered: `is_offered` decides for every
verb, option and argument which names a shell gets.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from opsctl.core.errors import Problem
from opsctl.core.runs.names import find_run
from opsctl.home import Home

if TYPE_CHECKING:
    from opsctl.commands.runs.completion_cache import CompletionReader

#: The prefix of the configuration's keys for datasets.
DATASETS = "datasets."

_NEWEST = 100

# What no shell quotes, expands or splits; S3's names have up to 1,024 bytes. zsh takes `=ls` for a program's path.
_UNQUOTED = re.compile(r"[A-Za-z0-9._/:+@][A-Za-z0-9._/:+=@-]{0,1023}")
_OPTION = re.compile(r"--?[a-z][a-z-]*")


class Line(Protocol):
    """What was typed so far: a context of click's, or `opsctl.completion.typed_line.TypedLine`."""

    @property
    def params(self) -> Mapping[str, Any]:
        """The values by the names of the verb's parameters; None for those that were not typed."""

    @property
    def args(self) -> Sequence[str]:
        """The words that belong to no parameter."""


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


def runs(line: Line) -> list[str]:
    """The newest runs, newest first."""
    completion_cache = _completion_cache(line)
    return completion_cache.runs()[: -_NEWEST - 1 : -1] if completion_cache else []


def scans(line: Line) -> list[str]:
    """The scans of the chosen run or dataset."""
    completion_cache = _completion_cache(line)
    if completion_cache is None:
        return []
    dataset, run_id = line.params.get("dataset"), line.params.get("run_id")
    if dataset is None and "dataset" in line.params:
        # click stops before it parses the arguments if the last option has no value yet.
        dataset = line.args[0] if line.args else None
    if dataset:
        return completion_cache.scans_of(_configured().get(f"{DATASETS}{dataset}", dataset))
    try:
        return completion_cache.scans(find_run(completion_cache.runs(), run_id) if run_id else None)
    except Problem:
        return []


def datasets(line: Line) -> list[str]:
    """The datasets of the configuration, and those that earlier commands found in the bucket or ran."""
    completion_cache = _completion_cache(line)
    names = [key.removeprefix(DATASETS) for key in _configured() if key.startswith(DATASETS)]
    return sorted({*names, *(completion_cache.datasets() if completion_cache else ())})


def platforms(line: Line) -> list[str]:  # noqa: ARG001  called as the others are
    """The platforms known on this machine."""
    return Home.of(os.environ).known()


def parcellations(line: Line) -> list[str]:  # noqa: ARG001  called as the others are
    """The atlases of neuroparc, each spelled so that it is selected alone."""
    from opsctl.assets import atlas_table

    table = atlas_table()
    return [table.spelling(atlas.name) for atlas in table]


#: By the names that the table of options has of them.
OFFERS = {offer.__name__: offer for offer in (runs, scans, datasets, platforms, parcellations)}


def _configured() -> Mapping[str, Any]:
    """The valid part of the configuration, by key; a command reports its mistakes, completion does not."""
    from opsctl.config_files import config_files, is_nothing_said, working_folder

    files = config_files(os.environ, working_folder())
    if is_nothing_said(files) and not os.environ.get("OPSCTL_PLATFORM"):
        # The rules of all settings take as long to import as all the rest.
        return {}
    from opsctl.config import load

    values = load(os.environ, working_folder()).values
    return {key: value.value for key, value in values.items() if value.value is not None}


def _completion_cache(line: Line) -> CompletionReader | None:
    from opsctl.commands.runs.completion_cache import CompletionReader

    home = Home.of(os.environ)
    name = line.params.get("platform") or _configured().get("platform") or home.current()
    bucket = home.data_bucket(name) if name else None
    return CompletionReader(home.cache, bucket) if bucket else None
