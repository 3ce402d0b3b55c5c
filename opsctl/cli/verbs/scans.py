"""`scans`: list the scans of a dataset, and what is excluded and why."""

from __future__ import annotations

from opsctl.cli.context import Context
from opsctl.cli.dataset_search import find_scans
from opsctl.cli.option_groups import DatasetSource, ScanFilters, expanded
from opsctl.cli.options import AsJson, DatasetOrFolder, PlatformName, Profile, WhichPipeline


@expanded
def scans(
    dataset: DatasetOrFolder,
    *,
    pipeline: WhichPipeline = "dwi",
    filters: ScanFilters,
    source: DatasetSource,
    platform: PlatformName = None,
    profile: Profile = None,
    as_json: AsJson = False,
) -> None:
    """List a dataset's scans, and what is left out and why.

    Example: opsctl scans HNU1
    """
    from opsctl.render.scans import show_scans

    context = Context(platform_name=platform, profile=profile)
    chosen, read = find_scans(context, dataset, pipeline=pipeline, filters=filters, source=source)
    if as_json:
        context.screen.json({**chosen.as_json(read.uri), **read.as_json()})
    else:
        show_scans(context.screen, chosen)
