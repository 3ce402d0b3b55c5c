"""Merges the typed options of `up` with those of earlier `up`s, and says which are kept."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from opsctl.cli.context import Context
from opsctl.core.platform.options import PlatformOptions, as_arguments, override_options, typed_variables

if TYPE_CHECKING:
    from opsctl.aws.clients import Clients
    from opsctl.commands.platform.terraform_workspace import TerraformWorkspace
    from opsctl.core.platform.platform import Platform

_VARIABLE = re.compile(r'^variable "(\w+)"', re.M)


def merge_options(
    context: Context,
    clients: Clients,
    workspace: TerraformWorkspace,
    platform_options: PlatformOptions,
    *,
    typed: Mapping[str, Any],
    settings: Sequence[str],
) -> PlatformOptions:
    """Merge the typed options with those of earlier `up`s, and say which are kept and which are dropped.

    Parameters
    ----------
    platform_options
        The platform, with no options.
    typed
        The options on the command line (`opsctl.core.platform.options.typed_options`).
    settings
        `--set NAME=VALUE`, each as typed.

    Raises
    ------
    UsageProblem
        If a setting is not a variable of the platform.
    """
    from opsctl.commands.platform.remembered_platform import previous_options

    variables = typed_variables(
        settings, declared=_declared_variables(), managed=tuple(platform_options.platform_variables())
    )
    earlier = previous_options(
        context.home, workspace, platform_options, record=_recorded_platform(clients, platform_options)
    )
    merged = platform_options.with_options(override_options(earlier, typed, variables))
    before, now = as_arguments(platform_options.with_options(earlier).non_defaults), as_arguments(merged.non_defaults)
    kept = [option for option in before if option in now and not _is_typed(option, typed, variables)]
    if kept:
        context.screen.say(f"As before: {' '.join(kept)}")
    dropped = [option for option in before if option not in now]
    if dropped:
        context.screen.say(f"No longer: {' '.join(dropped)}")
    return merged


def with_m2g_image(context: Context, clients: Clients, options: PlatformOptions) -> PlatformOptions:
    """The options with m2g's own image in the jobs' image, which `run` compares; warns where it cannot be read."""
    if options.is_local:
        return options
    from opsctl.commands.platform.m2g_image import m2g_image_on_ecr, unread_m2g_image
    from opsctl.core.errors import Problem

    try:
        m2g_image = m2g_image_on_ecr(clients.ecr, options.job_image)
    except Problem as problem:
        m2g_image = unread_m2g_image(options.job_image)
        context.screen.warn(
            f"The m2g in {options.job_image} could not be looked up: {problem.what} After the next `image push`, `run` "
            "will take it for another m2g."
        )
    return replace(options, m2g_image=m2g_image)


def _is_typed(option: str, typed: Mapping[str, Any], variables: Mapping[str, Any]) -> bool:
    set_variables = {name: value for name, value in variables.items() if value is not None}
    return option in as_arguments({**typed, "variables": set_variables})


def _declared_variables() -> list[str]:
    from opsctl.assets import terraform_dir

    files = [file for root in ("platform", "storage") for file in sorted((terraform_dir() / root).glob("*.tf"))]
    return [name for file in files for name in _VARIABLE.findall(file.read_text())]


def _recorded_platform(clients: Clients, platform_options: PlatformOptions) -> Platform | None:
    """The platform's record in the Parameter Store; None if another version wrote it in another format."""
    if platform_options.is_local:
        return None
    from opsctl.aws.platform.platform_parameter import read_record
    from opsctl.core.errors import Problem

    try:
        return read_record(clients.ssm, platform_options.name)
    except Problem as problem:
        if isinstance(problem.__cause__, (KeyError, TypeError, ValueError)):
            return None
        raise
