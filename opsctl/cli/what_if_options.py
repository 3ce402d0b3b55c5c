"""The options of a simulation, shared by `simulate` and `run --simulate`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from opsctl.cli.defaults import is_typed
from opsctl.cli.option_groups import OptionGroup
from opsctl.cli.options import Slowdown
from opsctl.core.errors import UsageProblem

if TYPE_CHECKING:
    from opsctl.core.simulation.what_if import WhatIf

_MOST_SCANS = 100_000
DEFAULT_SEED = 1


class WhatIfFlags(OptionGroup):
    """What a simulation changes of a run."""

    panel = "Simulation"

    scans: Annotated[
        int | None, typer.Option(min=1, max=_MOST_SCANS, metavar="N", help="Simulate this many scans.")
    ] = None
    spot: Annotated[
        bool | None,
        typer.Option("--spot/--on-demand", help="Spot instances, or on demand. Default: as the platform."),
    ] = None
    quota: Annotated[
        int | None,
        typer.Option(min=1, metavar="VCPUS", help="The account's quota of vCPUs. Default: the account's own."),
    ] = None
    instance: Annotated[
        str | None,
        typer.Option(metavar="TYPE", help="The instance type, such as r5.4xlarge. Default: as the platform."),
    ] = None
    reclaims: Annotated[
        float | None,
        typer.Option(
            min=0.0, max=1.0, metavar="RATE", help="How often AWS takes a Spot instance back in an hour. Default: 0.05."
        ),
    ] = None
    slowdown: Slowdown = None
    within: Annotated[
        float | None,
        typer.Option(
            min=0.1, metavar="HOURS", help="Use the number of instances that costs least and ends within this time."
        ),
    ] = None
    random_seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same numbers.")] = DEFAULT_SEED

    def what_if(self, *, pack: int | None = None) -> WhatIf:
        """The options as the core knows them.

        Parameters
        ----------
        pack
            How many scans an instance processes at the same time; None: as the platform's jobs, or as the run's.
        """
        from opsctl.core.simulation.what_if import WhatIf

        return WhatIf(
            spot=self.spot,
            quota=self.quota,
            pack=pack,
            instance=self.instance,
            scans=self.scans,
            reclaims=self.reclaims,
            slowdown=self.slowdown,
            within_hours=self.within,
        )

    def refuse_without_simulation(self) -> None:
        """Refuse these options of a run that is to be submitted.

        Raises
        ------
        UsageProblem
            If one was typed.
        """
        typed = [name for name in type(self).__annotations__ if is_typed(name)]
        if typed:
            flag = {"spot": "--spot" if self.spot else "--on-demand"}.get(typed[0], f"--{typed[0].replace('_', '-')}")
            raise UsageProblem(f"{flag} is about a simulation.", "Add --simulate, which submits nothing.")
