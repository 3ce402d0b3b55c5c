"""`audit`: is everything there?"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from opsctl.cli.context import Context
from opsctl.cli.options import AsJson, Bucket, Dataset, NoSignRequest, PlatformName, Profile

_INCOMPLETE = 1


def audit(
    dataset: Dataset,
    *,
    modif: Annotated[
        str | None, typer.Option("--modif", metavar="NAME", help="The derivatives folder; the latest run's.")
    ] = None,
    all_scans: Annotated[bool, typer.Option("--all", help="The complete scans too.")] = False,
    bucket: Bucket = None,
    no_sign_request: NoSignRequest = False,
    platform: PlatformName = None,
    profile: Profile = None,
    as_json: AsJson = False,
) -> None:
    """Hold every scan of a dataset against its inputs, job and outputs; exit 1 when any is not complete.

    Example: opsctl audit HNU1
    """
    from opsctl.assets import entity_patterns
    from opsctl.commands.runs.audit import audit as command
    from opsctl.render.audit import show_audit

    context = Context(platform_name=platform, profile=profile)
    location = context.dataset(dataset, bucket=bucket)
    with context.screen.waiting(f"reading {location.uri}"):
        result = command(
            location,
            output_name=modif,
            source=context.storage_of(location, is_public=no_sign_request),
            storage=context.storage,
            records=context.records,
            batch=context.batch,
            patterns=entity_patterns(),
            now=lambda: datetime.now(UTC),
        )
    if as_json:
        context.screen.json(result.as_json())
    else:
        show_audit(context.screen, result, all_scans=all_scans)
    if not result.is_complete:
        context.screen.hints({f"opsctl run {dataset}": "submit what is missing", "opsctl why": "what went wrong"})
        raise typer.Exit(_INCOMPLETE)
