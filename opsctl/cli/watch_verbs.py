"""`status` and `logs`: where a run stands and what its jobs say."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from opsctl.cli.context import Context
from opsctl.cli.options import AsJson, PlatformName, Profile, RunId
from opsctl.core.errors import Interrupted, UsageProblem

if TYPE_CHECKING:
    from opsctl.commands.logs import LogReader
    from opsctl.commands.status import StatusReader
    from opsctl.core.status import RunStatus
    from opsctl.render.log_lines import LogView

_SOME_FAILED = 1

#: Between two polls. AWS's limits are shared by everybody in the account.
_LOCAL_SECONDS = 1.0
_AWS_SECONDS = 5.0


def status(
    *,
    watching: Annotated[bool, typer.Option("--watch", "-w", help="Live, until the run is over.")] = False,
    waiting: Annotated[bool, typer.Option("--wait", help="Quiet until the run is over; exit 1: some failed.")] = False,
    scan: Annotated[
        list[str] | None, typer.Option("--scan", metavar="NAME", help="This scan whole; repeat it; globs.")
    ] = None,
    run_id: RunId = None,
    platform: PlatformName = None,
    profile: Profile = None,
    as_json: AsJson = False,
) -> None:
    """Show where a run stands: counts, and the scans that need you, each with its cause.

    Example: opsctl status --watch
    """
    if watching and (waiting or as_json):
        raise UsageProblem("--watch shows the run to a person.", "For a script: --wait, with --json if you like.")
    if scan and (watching or waiting):
        raise UsageProblem("--scan shows a scan as it is now.", "Leave out --watch and --wait.")
    context = Context(platform_name=platform, profile=profile)
    with context.screen.waiting("asking"):
        reader = open_status(context, run_id)
    if scan:
        _show_scans(context, reader, scan, as_json=as_json)
    elif watching or waiting:
        found = _to_the_end(context, reader, is_shown=watching)
        _show(context, reader.whole() if as_json else found, as_json=as_json)
        if found.failed:
            raise typer.Exit(_SOME_FAILED)
    else:
        with context.screen.waiting("asking"):
            found = reader.whole() if as_json else reader.poll()
        _show(context, found, as_json=as_json)


def logs(
    scans: Annotated[
        list[str] | None, typer.Argument(metavar="[SCAN]...", help="Only these scans, globs allowed; the whole run.")
    ] = None,
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
        follow_to_end(context, reader, as_json=as_json, scans=scans or ())
        return
    view = _view(context, reader, scans or (), as_json=as_json)
    lines = reader.lines()
    for line in lines:
        view.show(line)
    if not lines:
        context.screen.say(f"{reader.run.run_id} has no log lines yet: `opsctl logs --follow` waits for them.")


def open_status(context: Context, run_id: str | None) -> StatusReader:
    """The reader of a run's status; None: the latest run."""
    from opsctl.aws.prices import rates
    from opsctl.commands.status import Money, StatusReader

    reader = context.reader(run_id)
    resources = context.platform.models[reader.run.resources]
    money = Money(
        rates=rates(context.clients, context.platform, resources, home=context.home),
        is_local=context.platform.is_local,
    )
    return StatusReader(
        reader, records=context.records, batch=context.batch, now=lambda: datetime.now(UTC), money=money
    )


def open_reader(context: Context, run_id: str | None) -> LogReader:
    """The reader of a run's logs; None: the latest run."""
    from opsctl.commands.logs import LogReader

    run = context.reader(run_id)
    return LogReader(run, open_status(context, run.run.run_id), logs=context.logs, records=context.records)


def follow_to_end(context: Context, reader: LogReader, *, as_json: bool, scans: Sequence[str] = ()) -> None:
    """Print a run's lines until it has ended; exit 1 when some scans failed.

    Raises
    ------
    Interrupted
        After Ctrl-C, which stops watching and nothing else.
    """
    from opsctl.commands.logs import follow
    from opsctl.render.status import show_status

    view = _view(context, reader, scans, as_json=as_json)
    context.screen.say(f"{reader.run.run_id}: Ctrl-C stops watching, the jobs go on", style="dim")
    try:
        for event in follow(reader, sleep=time.sleep):
            view.show(event)
    except KeyboardInterrupt as error:
        raise Interrupted("Stopped watching; the jobs go on.", "`opsctl logs --follow` watches again.") from error
    found = reader.states.poll()
    context.screen.say()
    show_status(context.screen, found)
    if found.failed:
        raise typer.Exit(_SOME_FAILED)


def _to_the_end(context: Context, reader: StatusReader, *, is_shown: bool) -> RunStatus:
    from opsctl.commands.watch import watch
    from opsctl.render.status import watching

    seconds = _LOCAL_SECONDS if context.platform.is_local else _AWS_SECONDS
    found: RunStatus | None = None
    try:
        with watching(context.screen, is_shown=is_shown) as show:
            for found in watch(reader.poll, sleep=time.sleep, poll_seconds=seconds):
                show(found)
    except KeyboardInterrupt as error:
        if is_shown and found is not None:
            _show(context, found, as_json=False)
        again = "--watch" if is_shown else "--wait"
        raise Interrupted("Stopped watching; the jobs go on.", f"`opsctl status {again}` watches again.") from error
    assert found is not None  # noqa: S101 it ends only after a status
    return found


def _show(context: Context, found: RunStatus, *, as_json: bool) -> None:
    from opsctl.render.status import show_status

    if as_json:
        context.screen.json(found.as_json())
    else:
        show_status(context.screen, found)


def _show_scans(context: Context, reader: StatusReader, names: list[str], *, as_json: bool) -> None:
    from opsctl.commands.scan_detail import details_json
    from opsctl.core.naming import named
    from opsctl.render.scan_detail import show_detail

    with context.screen.waiting("asking"):
        details = reader.details(named(reader.run.scans, names))
    if as_json:
        context.screen.json(details_json(details))
        return
    for detail in details:
        show_detail(context.screen, detail, run=reader.run)


def _view(context: Context, reader: LogReader, scans: Sequence[str], *, as_json: bool) -> LogView:
    """What prints the lines of some scans; none named: of all."""
    from opsctl.core.naming import named
    from opsctl.render.log_lines import LogView

    every = reader.run.scans
    names = [every[index] for index in named(every, scans)] if scans else list(every)
    return LogView(context.screen, names=names, as_json=as_json)
