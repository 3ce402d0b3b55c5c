"""`cost`: what runs have cost so far."""

from __future__ import annotations

from typing import Annotated

import typer

from opsctl.cli.context import Context
from opsctl.cli.options import AsJson, PlatformName, Profile, RunId
from opsctl.core.errors import UsageProblem


def cost(
    *,
    run_id: RunId = None,
    by_scan: Annotated[bool, typer.Option("--by-scan", help="Show one line for each scan.")] = False,
    every: Annotated[bool, typer.Option("--all", help="Show one line for each run, and their sum.")] = False,
    with_forecast: Annotated[
        bool, typer.Option("--forecast", help="Also show what the run will have cost at its end.")
    ] = False,
    platform: PlatformName = None,
    profile: Profile = None,
    as_json: AsJson = False,
) -> None:
    """Show what a run has cost so far.

    The sum is computed from the times of all attempts, lost ones included.

    Example: opsctl cost --by-scan
    """
    if every and (run_id or by_scan or with_forecast):
        other = "--run" if run_id else "--by-scan" if by_scan else "--forecast"
        raise UsageProblem(f"--all shows every run, {other} is about one.", "Give one of the two.")
    context = Context(platform_name=platform, profile=profile)
    if not every:
        context.begin_reading_runs(run_id)

    from datetime import UTC, datetime

    from opsctl.commands.costs.cost import SCHEMA_VERSION, all_costs, hours_of_run, run_cost
    from opsctl.core.costs.money import spent, total
    from opsctl.render.cost import show_cost, show_costs

    with context.screen.waiting("adding up"):
        if every:
            costs = all_costs(
                records=context.records,
                batch=context.batch,
                pricing_of=context.pricing,
                now=lambda: datetime.now(UTC),
            )
        else:
            reader = context.snapshots(run_id)
            snapshot = reader.whole() if with_forecast else reader.progress()
            hours = hours_of_run(context.records, reader.run, platform=context.platform) if with_forecast else None
            costs = [run_cost(snapshot, context.pricing(snapshot.run), hours=hours)]
    for warning in dict.fromkeys(cost_of_run.rates.warning for cost_of_run in costs):
        if warning:
            context.screen.warn(warning)
    if as_json and every:
        runs = [cost_of_run.as_json(by_scan=False) for cost_of_run in costs]
        sums = total([spent(0.0, is_local=context.platform.is_local), *(cost_of_run.money for cost_of_run in costs)])
        context.screen.json({"schema_version": SCHEMA_VERSION, **sums.as_json(), "runs": runs})
    elif as_json:
        context.screen.json({"schema_version": SCHEMA_VERSION, **costs[0].as_json()})
    elif every:
        show_costs(context.screen, costs)
    else:
        show_cost(context.screen, costs[0], by_scan=by_scan)
