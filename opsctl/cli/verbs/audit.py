"""`audit`: is everything there?"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from opsctl.cli.context import Context
from opsctl.cli.opened_dataset import open_dataset
from opsctl.cli.options import AsJson, Bucket, Dataset, NoSignRequest, PlatformName, Profile

_INCOMPLETE = 1


def audit(
    dataset: Dataset,
    *,
    modif: Annotated[
        str | None,
        typer.Option("--modif", metavar="NAME", help="The derivatives folder. Default: the one of the latest run."),
    ] = None,
    all_scans: Annotated[bool, typer.Option("--all", help="List the complete scans, too.")] = False,
    bucket: Bucket = None,
    no_sign_request: NoSignRequest = False,
    platform: PlatformName = None,
    profile: Profile = None,
    as_json: AsJson = False,
) -> None:
    """Compare every scan of a dataset with its inputs and outputs.

    Exit code 1 means that a scan is not complete.

    Example: opsctl audit HNU1
    """
    from opsctl.assets import entity_patterns
    from opsctl.commands.runs.audit import audit as command
    from opsctl.render.audit import next_commands, show_audit

    context = Context(platform_name=platform, profile=profile)
    opened = open_dataset(context, dataset, bucket=bucket, is_public=no_sign_request)
    location = opened.location
    with context.screen.waiting(f"reading {location.uri}"):
        result = command(
            location,
            output_name=modif,
            source=opened.storage,
            storage=context.storage,
            records=context.records,
            batch=context.batch,
            patterns=entity_patterns(),
            now=lambda: datetime.now(UTC),
        )
    if as_json:
        context.screen.json(result.as_json())
    else:
        show_audit(context.screen, result, dataset=dataset, all_scans=all_scans)
    if not result.is_complete:
        context.screen.hints(next_commands(result))
        raise typer.Exit(_INCOMPLETE)
