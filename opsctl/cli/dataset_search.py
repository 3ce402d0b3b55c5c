"""What `scans` and `check` begin with: the dataset, and the chosen scans."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opsctl.cli.dataset_source import ReadDataset, naming_folder, read_dataset

if TYPE_CHECKING:
    from opsctl.cli.context import Context
    from opsctl.cli.option_groups import DatasetSource, ScanFilters
    from opsctl.commands.dataset.discovery import ChosenScans
    from opsctl.core.runs.m2g_options import Pipeline


def find_scans(
    context: Context, dataset: str, *, pipeline: Pipeline, filters: ScanFilters, source: DatasetSource
) -> tuple[ChosenScans, ReadDataset]:
    """Find a dataset's scans and choose among them; also returns the dataset as it is read."""
    from opsctl.assets import entity_patterns
    from opsctl.commands.dataset.discovery import Query, find

    read = read_dataset(context, dataset, source)
    query = Query(dataset=read.location, pipeline=pipeline, selection=filters.selection, t1w=source.t1w)
    with naming_folder(dataset), context.screen.waiting(f"reading {read.shown}"):
        return find(query, read.files, patterns=entity_patterns()), read
