"""Defaults of options from the configuration."""

from __future__ import annotations

import os
from typing import Any

import click
import typer

from opsctl.config import load
from opsctl.config_files import working_folder
from opsctl.core.config import Configuration

#: The parameter's name, where it differs from the configuration's key.
_PARAMETER = {"m2g.diffusion_model": "model"}

#: The keys that are defaults for every verb, and further ones for some verbs.
_COMMON_KEYS = ("platform", "region", "profile")
_VERB_KEYS = {
    "run": ("max_spend", "memory", "notify", "m2g."),
    "status": ("notify",),
    "scans": ("m2g.pipeline",),
    "check": ("m2g.pipeline",),
    "parcellations": ("m2g.voxelsize",),
}


def configure(ctx: typer.Context) -> None:
    """Set the defaults of the verbs' options from the configuration; typed options take precedence.

    A broken configuration sets none: `--help` still works, and `Context` refuses to continue.
    """
    configuration = load(os.environ, working_folder())
    ctx.obj = configuration
    if not configuration.problems and isinstance(ctx.command, click.Group):
        ctx.default_map = {verb: _defaults(verb, configuration) for verb in ctx.command.list_commands(ctx)}
        # The verbs of `image` are subcommands: their defaults are one level deeper.
        ctx.default_map["image"] = dict.fromkeys(("build", "archive", "push", "status"), ctx.default_map["image"])


def is_typed(parameter: str) -> bool:
    """Whether an option was given on the command line, rather than by a variable or a file."""
    context = click.get_current_context(silent=True)
    return context is not None and context.get_parameter_source(parameter) is click.core.ParameterSource.COMMANDLINE


def _defaults(verb: str, configuration: Configuration) -> dict[str, Any]:
    """The configured values of a verb's options, by parameter."""
    keys = (*_COMMON_KEYS, *_VERB_KEYS.get(verb, ()))
    values = {
        _PARAMETER.get(key, key.removeprefix("m2g.")): value.value
        for key, value in configuration.values.items()
        if key.startswith(keys) and not value.is_default
    }
    if "notify" in values:
        from opsctl.core.notify.address import split_addresses

        # The option may be repeated, so its default is a list.
        values["notify"] = split_addresses([values["notify"]])
    if verb in ("up", "down") and "platform" in values:
        values["name"] = values["platform"]
    return values
