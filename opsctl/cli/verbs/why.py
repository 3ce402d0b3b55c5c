"""`why`: why scans wait or failed."""

from __future__ import annotations

from typing import Annotated

import typer

from opsctl.cli import completion
from opsctl.cli.context import Context
from opsctl.cli.options import AsJson, PlatformName, Profile, RunId

Scan = Annotated[
    str | None,
    typer.Argument(
        metavar="[SCAN]",
        help="Explain only this scan. Takes wildcards. Default: all scans of the run.",
        autocompletion=completion.scans,
    ),
]


def why(
    scan: Scan = None,
    *,
    run_id: RunId = None,
    platform: PlatformName = None,
    profile: Profile = None,
    as_json: AsJson = False,
) -> None:
    """Explain why scans wait or failed, and what to do about it.

    What a permission hides from you is said to be hidden. The exit code is 0 when the question could be answered.

    Example: opsctl why sub-0025427/ses-1
    """
    context = Context(platform_name=platform, profile=profile)
    context.begin_reading_runs(run_id)

    from opsctl.aws.batch.queue_snapshot import take_snapshot
    from opsctl.commands.diagnosis.why import why as command
    from opsctl.render.why import show_why

    with context.screen.waiting("looking"):
        reader = context.snapshots(run_id)
        answer = command(
            scan,
            reader=reader,
            storage=context.storage,
            platform=context.platform,
            look=lambda: take_snapshot(context.clients, context.platform, reader.run),
        )
    if as_json:
        context.screen.json(answer.as_json())
    else:
        show_why(context.screen, answer)
