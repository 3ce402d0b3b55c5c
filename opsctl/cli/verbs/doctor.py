"""`doctor`: whether all that opsctl needs is there."""

from __future__ import annotations

import os
import shutil
import sys

import typer

from opsctl import __version__
from opsctl.cli.context import Context
from opsctl.cli.options import AsJson, PlatformName, Profile, Region

_SOMETHING_IS_WRONG = 1


def doctor(
    *, platform: PlatformName = None, region: Region = None, profile: Profile = None, as_json: AsJson = False
) -> None:
    """Look at this machine, AWS and the platform: each line fine, a warning or wrong, with what to do about it.

    Nothing is made or changed, and it takes some seconds at most. Exit 1 when something is wrong.

    Example: opsctl doctor
    """
    from opsctl.commands.diagnosis.doctor import Question
    from opsctl.commands.diagnosis.doctor import doctor as command
    from opsctl.core.diagnosis.doctor_facts import Terminal
    from opsctl.render.doctor import show_diagnosis

    context = Context(platform_name=platform, region=region, profile=profile)
    configured = context.configuration
    with context.screen.waiting("looking"):
        found = command(
            Question(
                home=context.home,
                environment=os.environ,
                version=__version__,
                terminal=Terminal(sys.stdout.encoding or "", sys.stdout.isatty(), shutil.get_terminal_size().columns),
                name=platform or configured.get("platform"),
                region=region or configured.get("region"),
                profile=profile or configured.get("profile"),
                configuration=tuple(configured.problems),
            )
        )
    if as_json:
        context.screen.json(found.as_json())
    else:
        show_diagnosis(context.screen, found)
    if found.count("wrong"):
        raise typer.Exit(_SOMETHING_IS_WRONG)
