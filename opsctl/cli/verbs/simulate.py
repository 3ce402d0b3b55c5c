"""`simulate`: play a run through before there is a dataset."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from opsctl.cli.context import Context
from opsctl.cli.option_groups import expanded
from opsctl.cli.options import AsJson, DiffusionModelOption, PlatformName, Profile
from opsctl.cli.what_if_options import WhatIfFlags
from opsctl.core.errors import UsageProblem

if TYPE_CHECKING:
    from opsctl.core.platform.platform import Platform


@expanded
def simulate(
    *,
    model: DiffusionModelOption = "csd",
    what_if: WhatIfFlags,
    pack: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="How many scans share an instance. Default: as the platform."),
    ] = None,
    platform: PlatformName = None,
    profile: Profile = None,
    as_json: AsJson = False,
) -> None:
    """Play a run through: when it ends, and what it costs.

    Example: opsctl simulate --scans 10000
    """
    from opsctl.cli.global_options import is_verbose
    from opsctl.cli.simulating import simulate_on
    from opsctl.render.simulate import show_simulation

    if what_if.scans is None:
        raise UsageProblem("How many scans?", "`opsctl simulate --scans 300` plays 300 through.")
    context = Context(platform_name=platform, profile=profile)
    known = _platform(context)
    simulated = simulate_on(
        context, known, model, what_if.what_if(pack=pack), scan_count=what_if.scans, seed=what_if.random_seed
    )
    if as_json:
        context.screen.json(simulated.as_json())
    else:
        show_simulation(context.screen, simulated, is_verbose=is_verbose())


def _platform(context: Context) -> Platform | None:
    """The platform; None where none is chosen, since a simulation needs none. AWS is not asked for one."""
    if context.chosen_name is not None:
        return context.platform
    context.screen.say("No platform is chosen: what `opsctl up` makes by default is simulated, at AWS's list prices.")
    return None
