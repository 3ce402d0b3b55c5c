"""`use`: pick the platform that later commands use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from opsctl.cli import completion
from opsctl.cli.context import Context
from opsctl.cli.options import AsJson
from opsctl.core.errors import ErrorCode, Problem

if TYPE_CHECKING:
    from opsctl.home import Home

SCHEMA_VERSION = 1


def use(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[PLATFORM]",
            help="A platform that `opsctl platforms` lists. Default: show which one is used now.",
            autocompletion=completion.platforms,
        ),
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Pick the platform that later commands use.

    The choice holds until the next `opsctl use` or `opsctl up`. The option --platform, the variable OPSCTL_PLATFORM and
    `platform` in opsctl.toml take precedence over it.

    Example: opsctl use local
    """
    from opsctl.core.platform.platform_name import check_name
    from opsctl.render.platforms import show_use

    context = Context()
    if name is not None:
        _ensure_usable(context.home, check_name(name))
        context.home.make_current(name)
    configured = context.configuration.values["platform"]
    chosen = context.chosen_name
    if chosen is None:
        raise Problem(
            "No platform is chosen.",
            "`opsctl platforms` lists those that this machine knows; `opsctl up` makes one.",
            code=ErrorCode.PLATFORM_NOT_FOUND,
        )
    if name not in (None, chosen):
        context.screen.warn(f"{configured.source} names the platform {chosen}, and takes precedence over this choice.")
    if as_json:
        source = "use" if configured.is_default else configured.source.layer
        context.screen.json({"schema_version": SCHEMA_VERSION, "platform": chosen, "source": source})
    elif configured.is_default:
        show_use(context.screen, chosen, reason="the last one that `opsctl use` picked or `opsctl up` brought up")
    else:
        show_use(context.screen, chosen, reason=f"{configured.source} names it")


def _ensure_usable(home: Home, name: str) -> None:
    """Refuse a platform without a record on this machine, and say how to get one.

    Raises
    ------
    Problem
        If it is down, or this machine does not know it.
    """
    known = home.known()
    if name in known:
        return
    if home.platform_dir(name).is_dir():
        from opsctl.commands.platform.remembered_platform import remember_platform
        from opsctl.core.platform.platform import up_command

        command = up_command(name, is_local=remember_platform(home, name).is_local)
        raise Problem(
            f"The platform {name} is not up.",
            f"`{command}` brings it up, and picks it.",
            code=ErrorCode.PLATFORM_NOT_FOUND,
        )
    names = f"It knows {', '.join(known)}." if known else "It knows none."
    raise Problem(
        f"This machine has no record of a platform named {name}. {names}",
        f"`opsctl platforms` lists them. For a platform that a colleague created, add `--platform {name}` to each"
        " command, or set `platform` in opsctl.toml.",
        code=ErrorCode.PLATFORM_NOT_FOUND,
    )
