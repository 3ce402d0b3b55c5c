"""The options of `up`: typed ones over those of earlier `up`s, with a line that says what is remembered."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from opsctl.cli.context import Context
from opsctl.core.platform.options import PlatformOptions, changed, spelled, typed_variables

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
    """Merge the typed options with those of earlier `up`s, and say which are remembered and which are dropped.

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
        Where a setting is none of the platform's.
    """
    from opsctl.commands.platform.remembered_platform import previous_options

    variables = typed_variables(settings, declared=_declared(), managed=tuple(platform_options.platform_variables()))
    earlier = previous_options(context.home, workspace, platform_options, record=_on_aws(clients, platform_options))
    whole = platform_options.with_options(changed(earlier, typed, variables))
    before, now = spelled(platform_options.with_options(earlier).non_defaults), spelled(whole.non_defaults)
    kept = [option for option in before if option in now and not _is_typed(option, typed, variables)]
    if kept:
        context.screen.say(f"As before: {' '.join(kept)}")
    gone = [option for option in before if option not in now]
    if gone:
        context.screen.say(f"No longer: {' '.join(gone)}")
    return whole


def _is_typed(option: str, typed: Mapping[str, Any], variables: Mapping[str, Any]) -> bool:
    mine = spelled({**typed, "variables": {name: value for name, value in variables.items() if value is not None}})
    return option in mine


def _declared() -> list[str]:
    from opsctl.assets import terraform_dir

    return [
        name
        for file in sorted((terraform_dir() / "platform").glob("*.tf"))
        for name in _VARIABLE.findall(file.read_text())
    ]


def _on_aws(clients: Clients, platform_options: PlatformOptions) -> Platform | None:
    """The record in the parameter store; one that cannot be read, because another version wrote it, does not count."""
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
