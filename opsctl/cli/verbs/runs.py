"""`runs`: list the runs of the data bucket."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from opsctl.cli import completion
from opsctl.cli.context import Context
from opsctl.cli.options import AsJson, PlatformName, Profile

if TYPE_CHECKING:
    from opsctl.core.runs.snapshot import Pricing

_LAST = 20


def runs(
    *,
    dataset: Annotated[
        str | None,
        typer.Option(
            "--dataset", metavar="DATASET", help="Only runs of this dataset.", autocompletion=completion.datasets
        ),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help=f"List every run. Default: the last {_LAST}.")] = False,
    platform: PlatformName = None,
    profile: Profile = None,
    as_json: AsJson = False,
) -> None:
    """List the runs, the newest last.

    Example: opsctl runs
    """
    from datetime import UTC, datetime

    from opsctl.assets import atlas_table
    from opsctl.commands.runs.run_list import runs as command
    from opsctl.render.runs import show_runs

    context = Context(platform_name=platform, profile=profile)
    configured = context.configuration.dataset(dataset) if dataset else None

    def pricing_of(model: str) -> Pricing | None:
        # An earlier platform of this name may have had a model that this one has not.
        return context.pricing_of_model(model) if model in context.platform.models else None

    with context.screen.waiting("looking"):
        run_list = command(
            records=context.records,
            batch=context.batch,
            atlases=atlas_table(),
            now=lambda: datetime.now(UTC),
            dataset=configured.value if configured else dataset,
            last=None if every else _LAST,
            pricing_of=pricing_of,
        )
    if as_json:
        context.screen.json(run_list.as_json())
    else:
        show_runs(context.screen, run_list, now=datetime.now(UTC), data_bucket=context.platform.data_bucket)
