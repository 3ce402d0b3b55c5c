"""`size`: what a run's scans needed, and how many of them to put on one instance."""

from __future__ import annotations

from opsctl.cli.context import Context
from opsctl.cli.options import AsJson, PlatformName, Profile, RunId, Slowdown


def size(
    *,
    run_id: RunId = None,
    slowdown: Slowdown = None,
    platform: PlatformName = None,
    profile: Profile = None,
    as_json: AsJson = False,
) -> None:
    """Show what scans needed, and how many to put on an instance.

    Measure ten scans first: `opsctl run DATASET --first 10`.

    Example: opsctl size
    """
    from opsctl.aws.s3.scan_objects import ScanObjects
    from opsctl.commands.dataset.headers import Headers
    from opsctl.commands.sizing.size import size as command
    from opsctl.core.sizing.slowdown import SLOWDOWN
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
            slowdown=SLOWDOWN if slowdown is None else slowdown,
        )
    if as_json:
        context.screen.json(report.as_json())
        return
    show_size(context.screen, report)
    context.screen.hints(next_commands(report))
