"""`cancel`: end the jobs of a run, or of some of its scans."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import typer

from opsctl.cli.context import Context
from opsctl.cli.options import AsJson, PlatformName, Profile, RunId, Scans, Yes
from opsctl.core.errors import Interrupted
from opsctl.user_name import user_name

_SOME_STILL_RUN = 1
_DECLINED = 1

#: Between two polls of the jobs' states.
_LOCAL_POLL_SECONDS = 0.5
_AWS_POLL_SECONDS = 3.0


def cancel(
    scans: Scans = None,
    *,
    run_id: RunId = None,
    platform: PlatformName = None,
    profile: Profile = None,
    as_json: AsJson = False,
    yes: Yes = False,
) -> None:
    """End the jobs of a run, or of some of its scans.

    It waits until every job has ended. Finished scans keep their results.

    Example: opsctl cancel 'sub-0025427/*'
    """
    context = Context(platform_name=platform, profile=profile)
    context.begin_reading_runs(run_id)

    from opsctl.commands.runs.cancel import Canceller
    from opsctl.core.runs.manifest import timestamp
    from opsctl.core.runs.names import find_scans
    from opsctl.render.cancel import show_cancel_plan, show_outcome
    from opsctl.render.screen import counted

    screen = context.screen
    with screen.waiting("asking"):
        reader = context.snapshots(run_id)
        canceller = Canceller(
            reader,
            records=context.records,
            batch=context.batch,
            user=user_name(),
            sleep=time.sleep,
            clock=time.monotonic,
            timestamp=lambda: timestamp(datetime.now(UTC)),
        )
        plan = canceller.plan(find_scans(reader.run.scans, scans) if scans else None)
    show_cancel_plan(screen, plan)
    if not plan.active:
        if as_json:
            screen.json(plan.empty_outcome().as_json())
        return
    if not screen.confirm(f"Cancel {counted(len(plan.active), 'scan')}?", assume_yes=yes):
        screen.say("Nothing was cancelled.")
        raise typer.Exit(_DECLINED)
    poll_seconds = _LOCAL_POLL_SECONDS if context.platform.is_local else _AWS_POLL_SECONDS
    try:
        with screen.waiting("ending the jobs (a running job gets 30 s)"):
            outcome = canceller.carry_out(plan, poll_seconds=poll_seconds)
    except KeyboardInterrupt as error:
        raise Interrupted(
            "Stopped. Some jobs may still run.", f"`opsctl cancel --run {reader.run.run_id}` ends the rest."
        ) from error
    if as_json:
        screen.json(outcome.as_json())
    show_outcome(screen, outcome)
    if outcome.left:
        raise typer.Exit(_SOME_STILL_RUN)
