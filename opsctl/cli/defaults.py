"""What the configuration says instead of the options' own defaults."""

from __future__ import annotations

import os
from typing import Any

import click
import typer

from opsctl.config import load, working_folder
from opsctl.core.config import Configuration

#: An option's parameter, where it is not called as its key is.
_PARAMETER = {"m2g.diffusion_model": "model"}

#: The keys that every verb's options take, and which verbs take more.
_OF_ALL = ("platform", "region", "profile")
_OF_VERBS = {"run": ("max_spend", "memory", "m2g."), "scans": ("m2g.pipeline",), "check": ("m2g.pipeline",)}


def configure(ctx: typer.Context) -> None:
    """Give the verbs' options their defaults from the configuration: what is typed comes last, and wins.

    A broken configuration does not matter yet: `--help` works all the same, and `Context` refuses to go on.
    """
    found = load(os.environ, working_folder())
    ctx.obj = found
    if not found.problems and isinstance(ctx.command, click.Group):
        ctx.default_map = {verb: _defaults(verb, found) for verb in ctx.command.list_commands(ctx)}
        # Two words make this verb: its defaults are a level further down.
        ctx.default_map["image"] = dict.fromkeys(("push", "status"), ctx.default_map["image"])


def is_typed(parameter: str) -> bool:
    """Whether an option stands on the command line, whatever else gave it its value."""
    return click.get_current_context().get_parameter_source(parameter) is click.core.ParameterSource.COMMANDLINE


def _defaults(verb: str, found: Configuration) -> dict[str, Any]:
    """What is configured for a verb's options, by parameter."""
    keys = (*_OF_ALL, *_OF_VERBS.get(verb, ()))
    values = {
        _PARAMETER.get(key, key.removeprefix("m2g.")): value.value
        for key, value in found.values.items()
        if key.startswith(keys) and not value.is_default
    }
    if verb in ("up", "down") and "platform" in values:
        values["name"] = values["platform"]
    return values
