"""`platforms`: list the platforms that this machine knows."""

from __future__ import annotations

from opsctl.cli.context import Context
from opsctl.cli.options import AsJson


def platforms(*, as_json: AsJson = False) -> None:
    """List the platforms that this machine knows, on AWS and local.

    The list comes from this machine's own files; AWS is not asked. A platform that a colleague created is not in it
    until this machine has run `opsctl up` for it: name such a platform with --platform.

    Example: opsctl platforms
    """
    from datetime import UTC, datetime

    from opsctl.commands.platform.known_platforms import SCHEMA_VERSION, known_platforms
    from opsctl.core.errors import Problem
    from opsctl.local import control
    from opsctl.render.platforms import show_platforms

    context = Context()

    def is_server_running() -> bool:
        try:
            return control.find(context.home.path) is not None
        except Problem:
            # Its process is there and does not answer.
            return True

    listed = known_platforms(context.home, current=context.chosen_name, is_server_running=is_server_running)
    if as_json:
        context.screen.json(
            {
                "schema_version": SCHEMA_VERSION,
                "current": context.chosen_name,
                "platforms": [platform.as_json() for platform in listed],
            }
        )
    else:
        show_platforms(context.screen, listed, now=datetime.now(UTC))
