"""Runs scans again that outgrew their memory, for the commands that follow a run to its end."""

from __future__ import annotations

import shlex
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from opsctl.core.counted import counted
from opsctl.core.errors import ErrorCode, Interrupted
from opsctl.core.foreign_json import inner_object, parse_object
from opsctl.user_name import user_name

if TYPE_CHECKING:
    from opsctl.cli.context import Context
    from opsctl.core.runs.manifest import Run
    from opsctl.core.runs.status import RunStatus


def grow(context: Context, status: RunStatus) -> str | None:
    """Run the outgrown scans of a run that is over again, and say so.

    It is `opsctl run` itself that submits them, in a process of its own: with its lease, its budget and its records.

    Returns
    -------
    str or None
        The id of the run that has them; None where there are none, or nothing was submitted.

    Raises
    ------
    Interrupted
        After Ctrl-C.
    """
    from opsctl.core.sizing.growth import growth_command, outgrown_scans
    from opsctl.render.typed_platform import TYPED

    scans = outgrown_scans(status)
    screen, run = context.screen, status.run
    # Whoever watches a colleague's run does not spend for it.
    if not status.is_over or not scans or run.created_by != user_name():
        return None
    command = growth_command(run)
    job, they = ("its job", "It runs") if len(scans) == 1 else ("their jobs", "They run")
    screen.say(
        f"{counted(len(scans), 'scan')} outgrew the memory of {job}. {they} again once, with {run.grows_to_mib:,} MiB,"
        f" unless that was done: `{command}`"
    )
    typed = shlex.split(TYPED.platform.command(command))
    # -P: not what lies in the folder where the user is.
    program = [sys.executable, "-P", "-m", "opsctl", *typed[1:], "--yes", "--json"]
    code, written = _ended(program, run)
    if code:
        screen.warn(_refusal(run, len(scans), is_over_budget=_error_code(written) == ErrorCode.BUDGET_REACHED))
        return None
    answer = parse_object(written)
    return str(answer["run_id"]) if answer.get("submitted") or answer.get("in_flight") else None


def _ended(program: list[str], run: Run) -> tuple[int, str]:
    """The exit code of a program that has ended, and what it wrote."""
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as process:
        try:
            written, _ = process.communicate()
        except KeyboardInterrupt as error:
            # The terminal has told the program, too. It is waited for: if it were killed while it submits, its
            # submission would be left half done.
            process.communicate()
            raise Interrupted(
                "Stopped watching; the jobs go on.", f"`opsctl status --wait --run {run.run_id}` watches again."
            ) from error
        return process.returncode, written


def _error_code(written: str) -> object:
    """The code of the error that a program wrote; None where it was ended before it could."""
    try:
        return inner_object(parse_object(written), "error").get("code")
    except ValueError:
        return None


def _refusal(run: Run, count: int, *, is_over_budget: bool) -> str:
    """That `run` has not submitted the scans, and what to type."""
    from opsctl.core.sizing.growth import growth_command

    were, them = ("It was", "it") if count == 1 else ("They were", "them")
    if is_over_budget:
        command = growth_command(replace(run, max_spend_usd=None))
        return f"{were} not run again. `{command}` runs {them} again, with --max-spend and a larger sum."
    return f"{were} not run again. `opsctl status --wait --run {run.run_id}` tries once more."
