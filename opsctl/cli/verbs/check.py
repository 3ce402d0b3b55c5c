"""`check`: read every scan's gradients and header, and report what m2g cannot process."""

from __future__ import annotations

import typer

from opsctl.cli.context import Context
from opsctl.cli.dataset_search import find_scans
from opsctl.cli.option_groups import DatasetSource, ScanFilters, expanded
from opsctl.cli.options import AsJson, Dataset, PlatformName, Profile, WhichPipeline

_SOME_WRONG = 1


@expanded
def check(
    dataset: Dataset,
    *,
    pipeline: WhichPipeline = "dwi",
    filters: ScanFilters,
    source: DatasetSource,
    platform: PlatformName = None,
    profile: Profile = None,
    as_json: AsJson = False,
) -> None:
    """Find the scans that m2g cannot process, before a run.

    It reads every scan's bval, bvec and image header. Exit code 1 means that m2g cannot process a scan.

    Example: opsctl check HNU1
    """
    from opsctl.aws.s3.headers import Headers
    from opsctl.commands.dataset.check import check as check_scans
    from opsctl.render.scans import show_verdicts

    context = Context(platform_name=platform, profile=profile)
    chosen, storage = find_scans(context, dataset, pipeline=pipeline, filters=filters, source=source)
    with context.screen.counting("reading headers", total=len(chosen.chosen)) as advance:
        verdicts = check_scans(
            chosen.chosen,
            Headers(storage.client),
            root_volume_gib=context.platform.root_volume_gib,
            on_scan=lambda: advance(1),
        )
    if as_json:
        exclusions = {"excluded": chosen.as_json()["excluded"], "warnings": list(chosen.discovery.warnings)}
        context.screen.json({"scans": [verdict.as_json() for verdict in verdicts], **exclusions})
    else:
        show_verdicts(context.screen, chosen, verdicts)
    if any(verdict.level == "wrong" for verdict in verdicts):
        raise typer.Exit(_SOME_WRONG)
