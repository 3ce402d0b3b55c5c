"""`size`: what a run's scans needed, and how many of them to put on one instance."""

from __future__ import annotations

from typing import Annotated

import typer

from opsctl.cli.context import Context
from opsctl.cli.options import AsJson, PlatformName, Profile, RunId
from opsctl.core.sizing.slowdown import SLOWDOWN


def size(
    *,
    run_id: RunId = None,
    slowdown: Annotated[
        float,
        typer.Option(
            min=1.0, max=2.0, metavar="FACTOR", help="How much longer a scan takes that shares a core with another."
        ),
    ] = SLOWDOWN,
    platform: PlatformName = None,
    profile: Profile = None,
    as_json: AsJson = False,
) -> None:
    """Show the memory and disk that scans needed, and how many to put on one instance.

    Measure ten scans first: `opsctl run DATASET --first 10`.

    Example: opsctl size
    """
    from opsctl.aws.s3.scan_objects import ScanObjects
    from opsctl.commands.dataset.headers import Headers
    from opsctl.commands.sizing.size import size as command
    from opsctl.render.size import next_commands, show_size

    context = Context(platform_name=platform, profile=profile)
    with context.screen.waiting("reading"):
        run = context.records.run(run_id)
        report = command(
            run,
            records=context.records,
            headers=Headers(ScanObjects(context.storage.client)),
            platform=context.platform,
            rates=context.pricing_of_model(run.model).rates,
            slowdown=slowdown,
        )
    if as_json:
        context.screen.json(report.as_json())
        return
    show_size(context.screen, report)
    context.screen.hints(next_commands(report))
