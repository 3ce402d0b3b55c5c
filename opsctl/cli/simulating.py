"""Simulates a run with the adapters of a verb."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from opsctl.cli.context import Context
    from opsctl.cli.run_wiring import RunWiring
    from opsctl.cli.what_if_options import WhatIfFlags
    from opsctl.commands.runs.run_plan import RunPlan
    from opsctl.commands.simulation.simulate import SimulatedRun
    from opsctl.core.costs.estimate import Hours
    from opsctl.core.diagnosis.account.account import Account
    from opsctl.core.platform.platform import Platform
    from opsctl.core.simulation.what_if import WhatIf


def simulate_on(
    context: Context,
    platform: Platform | None,
    model: str,
    what_if: WhatIf,
    *,
    scan_count: int,
    seed: int,
    hours_of_pack: Callable[[int], Hours] | None = None,
    account: Account | None = None,
) -> SimulatedRun:
    """Simulate a run on a platform.

    Parameters
    ----------
    platform
        None: on what `opsctl up` would make, at the prices of opsctl's table.
    model
        Whose queue and job definition the jobs use.
    hours_of_pack
        Returns how long a scan takes of so many on an instance; None: a dwi scan of the model.
    account
        Where it is known already, for the platform as it is.
    """
    from opsctl.commands.simulation.simulate import account_for, rates_for, simulated_run, table_rates
    from opsctl.core.costs.estimate import hours_of
    from opsctl.core.costs.prices import DEFAULT_REGION
    from opsctl.core.simulation.what_if import Place

    if platform is None:
        region = context.configuration.get("region") or DEFAULT_REGION
        place = Place.by_default(model, region=region)
        guide_hours = hours_of([], kind=f"dwi {model}")
        with context.screen.waiting("simulating"):
            return simulated_run(
                place,
                what_if,
                scan_count=scan_count,
                hours_of_pack=lambda _: guide_hours,
                rates_of_choice=lambda choice: table_rates(place, choice, today=datetime.now(UTC).date()),
                seed=seed,
            )
    from opsctl.commands.costs.cost import finished_hours

    def finished_of_pack(pack: int) -> Hours:
        return finished_hours(context.records, platform=platform, model=model, scans_per_instance=pack)

    with context.screen.waiting("simulating"):
        spot = platform.spot if what_if.spot is None else what_if.spot
        if what_if.quota is None and (account is None or spot != platform.spot):
            account = account_for(context.clients, platform, spot=spot)
        return simulated_run(
            Place.of(platform, model, account=account),
            what_if,
            scan_count=scan_count,
            hours_of_pack=hours_of_pack or finished_of_pack,
            rates_of_choice=lambda choice: rates_for(context.clients, platform, model, choice, home=context.home),
            seed=seed,
        )


def simulate_plan(context: Context, plan: RunPlan, wiring: RunWiring, what_if: WhatIfFlags, *, as_json: bool) -> None:
    """Play through what `run` would submit, or another number of scans; nothing is submitted."""
    from opsctl.cli.global_options import is_verbose
    from opsctl.render.run import nothing_line
    from opsctl.render.simulate import show_simulation

    if not plan.to_submit() and what_if.scans is None:
        context.screen.say(nothing_line(plan), style="green")
        context.screen.say("`--scans N` simulates any number of scans.")
        return
    simulated = wiring.simulate(plan, what_if.what_if(), seed=what_if.random_seed)
    if as_json:
        context.screen.json(simulated.as_json())
    else:
        show_simulation(context.screen, simulated, is_verbose=is_verbose())
    for obstacle in wiring.obstacles():
        context.screen.warn(str(obstacle.problem))
    context.screen.say("Nothing was submitted.")
