"""`status`: the state of a run and of its scans."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from opsctl.cli.context import Context
from opsctl.cli.defaults import is_typed
from opsctl.cli.options import AsJson, Notify, PlatformName, Profile, RunId, ScansWhole
from opsctl.core.errors import Interrupted, UsageProblem

if TYPE_CHECKING:
    from opsctl.cli.notify.notices import Notices
    from opsctl.commands.runs.snapshot import SnapshotReader
    from opsctl.core.runs.snapshot import Pricing
    from opsctl.core.runs.status import RunStatus

_NOT_ALL_DONE = 1

#: Between two polls. The account shares AWS's API limits.
_LOCAL_POLL_SECONDS = 1.0
_AWS_POLL_SECONDS = 5.0


def status(
    *,
    watching: Annotated[bool, typer.Option("--watch", "-w", help="Update the screen until the run is over.")] = False,
    waiting: Annotated[
        bool,
        typer.Option(
            "--wait", help="Wait until the run is over. Exit code 1 means that a scan failed or was cancelled."
        ),
    ] = False,
    notify: Notify = None,
    scan: ScansWhole = None,
    run_id: RunId = None,
    platform: PlatformName = None,
    profile: Profile = None,
    as_json: AsJson = False,
) -> None:
    """Show the state of a run, and the scans that need attention.

    Example: opsctl status --watch
    """
    from opsctl.cli.growth import grow
    from opsctl.cli.notify.notices import Notices

    if watching and (waiting or as_json):
        raise UsageProblem("--watch shows the run to a person.", "For a script: --wait, with --json if you like.")
    if scan and (watching or waiting):
        raise UsageProblem("--scan shows a scan as it is now.", "Leave out --watch and --wait.")
    if notify and is_typed("notify") and not (watching or waiting):
        raise UsageProblem("--notify sends a message when the run has ended.", "Add --wait, or --watch.")
    context = Context(platform_name=platform, profile=profile)
    notices = Notices(context, notify if watching or waiting else None)
    context.begin_reading_runs(run_id)
    with context.screen.waiting("asking"):
        reader = context.snapshots(run_id)
        pricing = context.pricing(reader.run)
    if scan:
        _show_scans(context, reader, scan, pricing=pricing, as_json=as_json)
    elif watching or waiting:
        if not is_typed("notify"):
            notices.leave_out_kept(reader.run.run_id)
        last = _poll_to_end(context, reader, pricing=pricing, is_shown=watching, notices=notices)
        are_others_done = last.is_all_done
        if (grown := grow(context, last)) is not None:
            from opsctl.core.sizing.growth import outgrown_scans

            are_others_done = not last.cancelled and len(outgrown_scans(last)) == len(last.failed)
            reader = context.snapshots(grown)
            pricing = context.pricing(reader.run)
            last = _poll_to_end(context, reader, pricing=pricing, is_shown=watching, notices=notices)
        _show(context, reader.whole(wait_reason=True).with_costs(pricing) if as_json else last, as_json=as_json)
        notices.send(last)
        if not (last.is_all_done and are_others_done):
            raise typer.Exit(_NOT_ALL_DONE)
    else:
        with context.screen.waiting("asking"):
            snapshot = reader.whole(wait_reason=True) if as_json else reader.progress(wait_reason=True)
        _show(context, snapshot.with_costs(pricing), as_json=as_json)


def _poll_to_end(
    context: Context, reader: SnapshotReader, *, pricing: Pricing, is_shown: bool, notices: Notices
) -> RunStatus:
    from opsctl.commands.runs.watch import watch
    from opsctl.render.status import watching

    poll_seconds = _LOCAL_POLL_SECONDS if context.platform.is_local else _AWS_POLL_SECONDS
    last: RunStatus | None = None
    try:
        with watching(context.screen, is_shown=is_shown) as show:
            for last in watch(
                lambda: reader.progress(wait_reason=True).with_costs(pricing),
                sleep=time.sleep,
                poll_seconds=poll_seconds,
            ):
                show(last)
    except KeyboardInterrupt as error:
        if is_shown and last is not None:
            _show(context, last, as_json=False)
        again = "--watch" if is_shown else "--wait"
        run_id = reader.run.run_id
        no_message = " No message will be sent." if notices else ""
        raise Interrupted(
            f"Stopped watching; the jobs go on.{no_message}", f"`opsctl status {again} --run {run_id}` watches again."
        ) from error
    assert last is not None  # noqa: S101 it ends only after a status
    return last


def _show(context: Context, run_status: RunStatus, *, as_json: bool) -> None:
    from opsctl.cli.global_options import is_verbose
    from opsctl.render.status import show_status

    if as_json:
        context.screen.json(run_status.as_json())
    else:
        show_status(context.screen, run_status, with_aws_states=is_verbose())


def _show_scans(context: Context, reader: SnapshotReader, names: list[str], *, pricing: Pricing, as_json: bool) -> None:
    from opsctl.commands.runs.scan_detail import details_json, scan_details
    from opsctl.core.runs.names import find_scans
    from opsctl.render.scan_detail import show_detail

    with context.screen.waiting("asking"):
        snapshot = reader.scans(find_scans(reader.run.scans, names))
        details = scan_details(snapshot, records=context.records, pricing=pricing)
    if as_json:
        context.screen.json(details_json(details))
        return
    for detail in details:
        show_detail(context.screen, detail, run=reader.run)
