"""`status` and `logs`: where a run stands and what its jobs say."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from opsctl.cli.context import Context
from opsctl.cli.options import AsJson, PlatformName, Profile, RunId
from opsctl.core.errors import Interrupted

if TYPE_CHECKING:
    from opsctl.commands.logs import LogReader

_SOME_FAILED = 1


def status(
    *,
    run_id: RunId = None,
    platform: PlatformName = None,
    profile: Profile = None,
    as_json: AsJson = False,
) -> None:
    """Show where a run stands: counts, and the scans that need you, each with its cause.

    Example: opsctl status
    """
    from opsctl.commands.status import status as command
    from opsctl.render.runs import show_status

    context = Context(platform_name=platform, profile=profile)
    with context.screen.waiting("asking"):
        found = command(run_id, records=context.records, batch=context.batch)
    if as_json:
        context.screen.json(found.as_json())
        return
    show_status(context.screen, found)
    if found.counts["DONE"]:
        context.screen.hints({"opsctl results DIR": "bring the connectomes home"})
    elif not found.is_over:
        context.screen.hints({"opsctl logs --follow": "watch it"})


def logs(
    *,
    following: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the run ends.")] = False,
    run_id: RunId = None,
    platform: PlatformName = None,
    profile: Profile = None,
    as_json: AsJson = False,
) -> None:
    """Show the jobs' logs, each line under its scan's name. Ctrl-C stops watching, never the jobs.

    Example: opsctl logs --follow
    """
    context = Context(platform_name=platform, profile=profile)
    reader = open_reader(context, run_id)
    if following:
        follow_to_end(context, reader, as_json=as_json)
        return
    view = _view(context, reader, as_json=as_json)
    lines = reader.lines()
    for line in lines:
        view.show(line)
    if not lines:
        context.screen.say(f"{reader.run.run_id} has no log lines yet: `opsctl logs --follow` waits for them.")


def open_reader(context: Context, run_id: str | None) -> LogReader:
    """The reader of a run's logs; None: the latest run."""
    from opsctl.commands.logs import LogReader

    run = context.records.run(run_id)
    return LogReader(
        run=run,
        submissions=context.records.submissions(run.run_id),
        logs=context.logs,
        batch=context.batch,
        records=context.records,
    )


def follow_to_end(context: Context, reader: LogReader, *, as_json: bool) -> None:
    """Print a run's lines until it has ended; exit 1 when some scans failed.

    Raises
    ------
    Interrupted
        After Ctrl-C, which stops watching and nothing else.
    """
    from opsctl.commands.logs import follow
    from opsctl.render.runs import show_status

    view = _view(context, reader, as_json=as_json)
    context.screen.say(f"{reader.run.run_id}: Ctrl-C stops watching, the jobs go on", style="dim")
    try:
        for event in follow(reader, sleep=time.sleep):
            view.show(event)
    except KeyboardInterrupt as error:
        raise Interrupted("Stopped watching; the jobs go on.", "`opsctl logs --follow` watches again.") from error
    found = reader.status()
    context.screen.say()
    show_status(context.screen, found)
    if found.counts["DONE"]:
        context.screen.hints({"opsctl results DIR": "bring the connectomes home"})
    if found.failed:
        raise typer.Exit(_SOME_FAILED)


def _view(context: Context, reader: LogReader, *, as_json: bool):  # type: ignore[no-untyped-def]
    from opsctl.render.log_lines import LogView

    return LogView(context.screen, width=max(map(len, reader.run.scans)), as_json=as_json)
