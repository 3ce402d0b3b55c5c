"""`size`: what a run's scans needed, how many of them to put on one instance, and which instances to allow."""

from __future__ import annotations

from typing import Annotated

import typer

from opsctl.cli.context import Context
from opsctl.cli.defaults import is_typed
from opsctl.cli.options import AsJson, DiffusionModelOption, PlatformName, Profile, RunId, Slowdown
from opsctl.core.errors import UsageProblem


def size(
    *,
    run_id: RunId = None,
    instances: Annotated[
        bool, typer.Option("--instances", help="Show what 300 and 10,000 scans cost and take on each instance type.")
    ] = False,
    model: DiffusionModelOption = "csd",
    spot: Annotated[
        bool | None,
        typer.Option("--spot/--on-demand", help="With --instances: Spot or on demand. Default: as the platform."),
    ] = None,
    slowdown: Slowdown = None,
    platform: PlatformName = None,
    profile: Profile = None,
    as_json: AsJson = False,
) -> None:
    """Show what scans needed, and how many to put on an instance.

    Measure ten scans first: `opsctl run DATASET --first 10`.

    Example: opsctl size
    """
    context = Context(platform_name=platform, profile=profile)
    if instances:
        if run_id is not None:
            raise UsageProblem("--instances compares instance types for any run.", "Leave out --run.")
        _show_instances(context, model, spot=spot, slowdown=slowdown, as_json=as_json)
        return
    for option, name in (("--model", "model"), ("--spot or --on-demand", "spot")):
        if is_typed(name):
            raise UsageProblem(f"{option} is about --instances.", "A run's own model and prices are used without it.")
    _show_size(context, run_id, slowdown=slowdown, as_json=as_json)


def _show_size(context: Context, run_id: str | None, *, slowdown: float | None, as_json: bool) -> None:
    from opsctl.aws.s3.scan_objects import ScanObjects
    from opsctl.commands.dataset.headers import Headers
    from opsctl.commands.sizing.size import size as command
    from opsctl.core.sizing.slowdown import SLOWDOWN
    from opsctl.render.size import next_commands, show_size

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


def _show_instances(context: Context, model: str, *, spot: bool | None, slowdown: float | None, as_json: bool) -> None:
    from opsctl.cli.instances import compare_on
    from opsctl.render.instances import next_commands, show_instances

    platform = context.platform if context.chosen_name is not None else None
    if platform is None:
        context.screen.say(
            "No platform is chosen: what `opsctl up` makes by default is compared, at AWS's list prices."
        )
    comparison = compare_on(context, platform, model, spot=spot, slowdown=slowdown)
    if as_json:
        context.screen.json(comparison.as_json())
        return
    show_instances(context.screen, comparison, is_answer=True)
    context.screen.hints(next_commands(comparison, platform=platform.name if platform else None))
