"""Simulates a run on a platform, or on what `opsctl up` would make."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from opsctl.aws import pricing
from opsctl.aws.clients import Clients
from opsctl.commands.diagnosis.account_look import SECONDS, start_account
from opsctl.commands.diagnosis.checks import Checks
from opsctl.core.costs.estimate import Hours, Rates
from opsctl.core.costs.money import Money, estimated
from opsctl.core.costs.prices import rates_of
from opsctl.core.diagnosis.account.account import Account
from opsctl.core.errors import UsageProblem
from opsctl.core.platform.platform import Platform
from opsctl.core.simulation.choice import Choice, choose
from opsctl.core.simulation.planned_run import PlannedRun, planned_run
from opsctl.core.simulation.simulation import Simulation, simulate
from opsctl.core.simulation.what_if import Place, WhatIf
from opsctl.home import Home

SCHEMA_VERSION = 1


@dataclass(frozen=True, kw_only=True)
class SimulatedRun:
    """A run that was played through, and what it rests on.

    Attributes
    ----------
    seed
        The same seed gives the same numbers.
    what_if
        What was typed.
    """

    planned: PlannedRun
    simulation: Simulation
    seed: int
    what_if: WhatIf

    @property
    def money(self) -> Money:
        """The median of the bill, and what it stands for."""
        return self._money(self.simulation.usd.p50)

    def _money(self, usd: float) -> Money:
        is_complete = self.planned.setup.rates.is_complete
        return estimated(usd, is_local=self.planned.place.is_local, is_complete=is_complete)

    def as_json(self) -> dict[str, Any]:
        """What `simulate --json` and `run --simulate --json` print."""
        return {
            "schema_version": SCHEMA_VERSION,
            "seed": self.seed,
            **self.simulation.as_json(),
            "usd_is": str(self.money.truth),
            **self.planned.as_json(),
        }


def account_for(clients: Clients, platform: Platform, *, spot: bool) -> Account | None:
    """What the account allows of Spot or on-demand instances; None on the local platform, which has no account."""
    if platform.is_local:
        return None
    has_fallback = platform.spot_fallback and spot == platform.spot
    return start_account(Checks(SECONDS), clients, is_spot=spot, has_fallback=has_fallback)()


def rates_for(clients: Clients, platform: Platform, model: str, choice: Choice, *, home: Home) -> Rates:
    """What a chosen instance costs, by the same rules as `cost` and the estimate of `run`."""
    return pricing.rates(
        clients,
        replace(platform, spot=choice.spot, root_volume_gib=choice.root_volume_gib),
        replace(platform.models[model], instance_type=choice.size.instance_type),
        home=home,
    )


def table_rates(place: Place, choice: Choice, *, today: date) -> Rates:
    """What a chosen instance costs by opsctl's own table, where there is no platform to ask AWS for."""
    return rates_of(
        choice.size.instance_type,
        region=place.region,
        spot=choice.spot,
        root_volume_gib=choice.root_volume_gib,
        today=today,
    )


def simulated_run(
    place: Place,
    what_if: WhatIf,
    *,
    scan_count: int,
    hours_of_pack: Callable[[int], Hours],
    rates_of_choice: Callable[[Choice], Rates],
    seed: int,
    replications: int | None = None,
) -> SimulatedRun:
    """Simulate a run.

    Parameters
    ----------
    hours_of_pack
        Returns how long a scan takes of so many on an instance of the place.
    rates_of_choice
        Returns the rates of the instances that were chosen.
    replications
        None: as many as fit into about a second.

    Raises
    ------
    UsageProblem, Problem
        If there can be no such instances; see `choose`.
    """
    import numpy as np

    choice = choose(place, what_if)
    hours = hours_of_pack(1)
    if choice.pack > 1 and choice.size.instance_type == place.instance_type and what_if.slowdown is None:
        packed = hours_of_pack(choice.pack)
        if packed.scans_per_instance == choice.pack:
            # They were measured beside others, so they have the slowdown in them.
            hours, choice = packed, replace(choice, slowdown=1.0)
    planned = planned_run(place, what_if, choice, scan_count=scan_count, hours=hours, rates=rates_of_choice(choice))
    if what_if.within_hours is not None:
        planned = _planned_within(planned, what_if.within_hours, seed=seed)
    simulation = simulate(planned.setup, np.random.default_rng(seed), replications=replications)
    return SimulatedRun(planned=planned, simulation=simulation, seed=seed, what_if=what_if)


def _planned_within(planned: PlannedRun, within_hours: float, *, seed: int) -> PlannedRun:
    """The same run with the number of instances that costs least and ends in time.

    Raises
    ------
    UsageProblem
        If it does not end in time with all of them.
    """
    from opsctl.core.simulation.cheapest import cheapest_instances

    choice = planned.choice
    count = cheapest_instances(planned.setup, within_hours=within_hours, seed=seed)
    if count is None:
        raise UsageProblem(
            f"--within {within_hours:g}: it takes longer, even with as many instances as {choice.limit} allows.",
            "Without --within, the answer says how long it takes.",
        )
    return planned.with_instances(count, limit=f"--within {within_hours:g} hours")
