"""Runs scans again that outgrew their memory, for the commands that follow a run to its end."""

from __future__ import annotations

import shlex
import subprocess
import sys
from typing import TYPE_CHECKING

from opsctl.core.counted import counted
from opsctl.core.foreign_json import parse_object
from opsctl.user_name import user_name

if TYPE_CHECKING:
    from opsctl.cli.context import Context
    from opsctl.core.runs.status import RunStatus


def grow(context: Context, status: RunStatus) -> str | None:
    """Run the outgrown scans of a run that is over again, and say so.

    It is `opsctl run` itself that submits them, in a process of its own: with its lease, its budget and its records.

    Returns
    -------
    str or None
        The id of the run that has them; None where there are none, or nothing was submitted.
    """
    from opsctl.core.sizing.growth import growth_command, outgrown_scans
    from opsctl.render.typed_platform import TYPED

    scans = outgrown_scans(status)
    screen, run = context.screen, status.run
    # Whoever watches a colleague's run does not spend for it.
    if not status.is_over or not scans or run.created_by != user_name():
        return None
    command = growth_command(run)
    they = "It runs" if len(scans) == 1 else "They run"
    screen.say(
        f"{counted(len(scans), 'scan')} outgrew the memory of {'its job' if len(scans) == 1 else 'their jobs'}."
        f" {they} again once, with {run.grows_to_mib:,} MiB: `{command}`"
    )
    typed = shlex.split(TYPED.platform.command(command))
    # -P: not what lies in the folder where the user is.
    program = [sys.executable, "-P", "-m", "opsctl", *typed[1:], "--yes", "--json"]
    ended = subprocess.run(program, stdout=subprocess.PIPE, text=True, check=False)
    if ended.returncode:
        screen.warn("They were not run again.")
        return None
    answer = parse_object(ended.stdout)
    return str(answer["run_id"]) if answer.get("submitted") or answer.get("in_flight") else None
