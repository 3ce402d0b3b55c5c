"""Simulates a run with the adapters of a verb."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opsctl.cli.context import Context
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
    hours: Hours | None = None,
    account: Account | None = None,
) -> SimulatedRun:
    """Simulate a run on a platform.

    Parameters
    ----------
    platform
        None: on what `opsctl up` would make, at the prices of opsctl's table.
    model
        Whose queue and job definition the jobs use.
    hours, account
        Where they are known already: of scans that have an instance for themselves, and of the platform as it is.
    """
    from opsctl.commands.simulation.simulate import account_for, rates_for, simulated_run, table_rates
    from opsctl.core.costs.estimate import hours_of
    from opsctl.core.costs.prices import DEFAULT_REGION
    from opsctl.core.simulation.what_if import Place

    if platform is None:
        region = context.configuration.get("region") or DEFAULT_REGION
        place = Place.by_default(model, region=region)
        own_hours = hours or hours_of([], kind=f"dwi {model}")
        with context.screen.waiting("simulating"):
            return simulated_run(
                place,
                what_if,
                scan_count=scan_count,
                hours=own_hours,
                rates_of_choice=lambda choice: table_rates(place, choice),
                seed=seed,
            )
    from opsctl.commands.costs.cost import finished_hours

    with context.screen.waiting("simulating"):
        spot = platform.spot if what_if.spot is None else what_if.spot
        if what_if.quota is None and (account is None or spot != platform.spot):
            account = account_for(context.clients, platform, spot=spot)
        return simulated_run(
            Place.of(platform, model, account=account),
            what_if,
            scan_count=scan_count,
            hours=hours or finished_hours(context.records, platform=platform, model=model),
            rates_of_choice=lambda choice: rates_for(context.clients, platform, model, choice, home=context.home),
            seed=seed,
        )
