"""What `scans` and `check` begin with: the dataset, its storage, and the chosen scans."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opsctl.aws.s3.storage import Storage
    from opsctl.cli.context import Context
    from opsctl.cli.option_groups import DatasetSource, ScanFilters
    from opsctl.commands.dataset.discovery import ChosenScans
    from opsctl.core.runs.m2g_options import Pipeline


def find_scans(
    context: Context, dataset: str, *, pipeline: Pipeline, filters: ScanFilters, source: DatasetSource
) -> tuple[ChosenScans, Storage]:
    """Find a dataset's scans and choose among them; also returns S3 as the dataset is read."""
    from opsctl.assets import entity_patterns
    from opsctl.commands.dataset.discovery import Query, find

    location = context.dataset(dataset, bucket=source.bucket)
    storage = context.storage_of(location, is_public=source.no_sign_request)
    query = Query(dataset=location, pipeline=pipeline, selection=filters.selection, t1w=source.t1w)
    with context.screen.waiting(f"reading {location.uri}"):
        return find(query, storage, patterns=entity_patterns()), storage
