"""`doctor`: check this machine, AWS and the platform."""

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
    """Check this machine, AWS and the platform.

    Each line says whether something is fine, and if it is not, what to do. Nothing is created or changed. Exit code 1
    means that something is wrong.

    Example: opsctl doctor
    """
    from opsctl.commands.diagnosis.doctor import Question
    from opsctl.commands.diagnosis.doctor import doctor as command
    from opsctl.core.diagnosis.doctor_facts import Terminal
    from opsctl.render.doctor import show_diagnosis

    context = Context(platform_name=platform, region=region, profile=profile)
    configuration = context.configuration
    with context.screen.waiting("looking"):
        diagnosis = command(
            Question(
                home=context.home,
                environment=os.environ,
                version=__version__,
                terminal=Terminal(sys.stdout.encoding or "", sys.stdout.isatty(), shutil.get_terminal_size().columns),
                name=platform or configuration.get("platform"),
                region=region or configuration.get("region"),
                profile=profile or configuration.get("profile"),
                configuration=tuple(configuration.problems),
            )
        )
    if as_json:
        context.screen.json(diagnosis.as_json())
    else:
        show_diagnosis(context.screen, diagnosis)
    if diagnosis.count("wrong"):
        raise typer.Exit(_SOMETHING_IS_WRONG)
