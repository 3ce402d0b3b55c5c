"""What `scans` and `check` begin with: the dataset, and the chosen scans."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opsctl.cli.opened_dataset import OpenedDataset, open_dataset

if TYPE_CHECKING:
    from opsctl.cli.context import Context
    from opsctl.cli.option_groups import DatasetSource, ScanFilters
    from opsctl.commands.dataset.discovery import ChosenScans
    from opsctl.core.runs.m2g_options import Pipeline


def find_scans(
    context: Context, dataset: str, *, pipeline: Pipeline, filters: ScanFilters, source: DatasetSource
) -> tuple[ChosenScans, OpenedDataset]:
    """Find a dataset's scans and choose among them; also returns the dataset as it is read."""
    from opsctl.assets import entity_patterns
    from opsctl.commands.dataset.discovery import Query, find

    opened = open_dataset(context, dataset, bucket=source.bucket, is_public=source.no_sign_request)
    query = Query(dataset=opened.location, pipeline=pipeline, selection=filters.selection, t1w=source.t1w)
    with context.screen.waiting(f"reading {opened.location.uri}"):
        return find(query, opened.storage, patterns=entity_patterns()), opened
