"""Merges the typed options of `up` with those of earlier `up`s, and says which are kept."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from opsctl.cli.context import Context
from opsctl.core.errors import UsageProblem
from opsctl.core.platform.institute import refuse_changed_names
from opsctl.core.platform.options import PlatformOptions, as_arguments, override_options, typed_variables
from opsctl.core.platform.platform_name import DEFAULT_NAME, LOCAL_NAME, check_name
from opsctl.core.sizing.pack_option import PACK_VARIABLE

if TYPE_CHECKING:
    from opsctl.aws.clients import Clients
    from opsctl.commands.platform.terraform_workspace import TerraformWorkspace
    from opsctl.core.platform.platform import Platform
    from opsctl.home import Home

_VARIABLE = re.compile(r'^variable "(\w+)"', re.M)


def platform_to_bring_up(home: Home, name: str | None, *, local: bool, is_for_aws: bool) -> tuple[str, bool]:
    """Which platform `up` is about: a plain `up` goes on with the one that was brought up or picked last, or was begun.

    Parameters
    ----------
    name
        Typed, or configured; with `local`, only the typed one.
    is_for_aws
        Whether an option was typed that only a platform on AWS can have.

    Returns
    -------
    tuple
        Its name, and whether it is on this machine.
    """
    from opsctl.commands.platform.remembered_platform import remember_platform, unfinished_platform

    if local:
        return check_name(name or LOCAL_NAME), True
    if is_for_aws:
        return check_name(name or DEFAULT_NAME), False
    chosen = check_name(name or home.current() or unfinished_platform(home) or DEFAULT_NAME)
    return chosen, remember_platform(home, chosen).is_local


def merge_options(
    context: Context,
    clients: Clients,
    workspace: TerraformWorkspace,
    platform_options: PlatformOptions,
    *,
    typed: Mapping[str, Any],
    settings: Sequence[str],
    variables: Mapping[str, Any],
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
    variables
        Variables that have an option of their own (`--tag`, `--pack`).

    Raises
    ------
    UsageProblem
        If a setting is not a variable of the platform or has an option that was typed too, or if names would change.
    """
    from opsctl.commands.platform.remembered_platform import previous_options

    settled = typed_variables(
        settings, declared=_declared_variables(), managed=tuple(platform_options.platform_variables())
    )
    if twice := sorted(settled.keys() & variables.keys()):
        option = "pack" if twice[0].endswith(PACK_VARIABLE) else twice[0].removesuffix("s")
        raise UsageProblem(f"--set {twice[0]} and --{option} say the same: use one of them.")
    variables = {**settled, **variables}
    record = _recorded_platform(clients, platform_options)
    earlier = previous_options(context.home, workspace, platform_options, record=record)
    merged = platform_options.with_options(override_options(earlier, typed, variables))
    refuse_changed_names(
        platform_options.with_options(earlier),
        merged,
        is_up=record is not None or workspace.platform.resource_count() > 0,
        has_storage=workspace.storage.resource_count() > 0,
    )
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
