"""Compares instance types with the adapters of a verb."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opsctl.cli.context import Context
    from opsctl.cli.run_wiring import RunWiring
    from opsctl.commands.runs.run_plan import RunPlan
    from opsctl.core.costs.estimate import Hours, Rates
    from opsctl.core.diagnosis.account.account import Account
    from opsctl.core.platform.platform import Platform
    from opsctl.core.simulation.choice import Choice
    from opsctl.core.sizing.instance_offer import InstanceComparison

#: From so many scans on, larger instances may be cheaper (docs/cost-compared.md).
_MANY_SCANS = 1_000


def show_instances_of_run(context: Context, plan: RunPlan, wiring: RunWiring) -> None:
    """Show what runs cost and take on each instance type that is allowed; of a large run else what compares them."""
    from opsctl.render.instances import command_line, show_instances

    comparison = wiring.instances(plan)
    if comparison is not None:
        show_instances(context.screen, comparison, is_answer=False)
    elif len(plan.to_submit()) >= _MANY_SCANS:
        command = command_line(plan.request.resources(context.platform))
        context.screen.say(f"So many scans may cost less on larger instances: `{command}` compares them.")


def compare_on(
    context: Context,
    platform: Platform | None,
    model: str,
    *,
    spot: bool | None = None,
    slowdown: float | None = None,
    scan_count: int | None = None,
    only_allowed: bool = False,
    hours: Hours | None = None,
    account: Account | None = None,
) -> InstanceComparison:
    """What runs cost and take on each instance type.

    Parameters
    ----------
    platform
        None: what `opsctl up` would make, at the prices of opsctl's table.
    spot
        Spot or on demand; None: as the platform.
    scan_count
        A number of scans that is compared too.
    only_allowed
        Leave out the types that the platform does not allow.
    hours, account
        Where they are known already.
    """
    from opsctl.commands.simulation.simulate import account_for, rates_for, table_rates
    from opsctl.commands.sizing.instances import compare_instances
    from opsctl.core.costs.estimate import hours_of
    from opsctl.core.costs.prices import DEFAULT_REGION
    from opsctl.core.simulation.what_if import Place
    from opsctl.core.sizing.instance_offer import compared_types, scan_counts_with

    allowed: tuple[str, ...] = ()
    with context.screen.waiting("comparing instances"):
        if platform is None:
            place = Place.by_default(model, region=context.configuration.get("region") or DEFAULT_REGION)
            hours = hours or hours_of([], kind=f"dwi {model}")
        else:
            from opsctl.commands.costs.cost import finished_hours

            is_spot = platform.spot if spot is None else spot
            account = account or account_for(context.clients, platform, spot=is_spot)
            place = Place.of(platform, model, account=account)
            hours = hours or finished_hours(context.records, platform=platform, model=model)
            allowed = platform.models[model].more_instance_types

        def rates_of_choice(choice: Choice) -> Rates:
            if platform is None:
                return table_rates(place, choice, today=datetime.now(UTC).date())
            return rates_for(context.clients, platform, model, choice, home=context.home)

        return compare_instances(
            place if spot is None else replace(place, spot=spot),
            compared_types(place.instance_type, allowed, only_allowed=only_allowed),
            allowed=allowed,
            scan_counts=scan_counts_with(scan_count),
            hours=hours,
            rates_of_choice=rates_of_choice,
            slowdown=slowdown,
        )
