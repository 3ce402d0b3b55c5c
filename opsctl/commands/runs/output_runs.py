"""The runs of a dataset, and those of them into one derivatives folder."""

from __future__ import annotations

from collections.abc import Sequence

from opsctl.commands.runs.records import Records
from opsctl.core.dataset_argument import typed_dataset
from opsctl.core.errors import ErrorCode, Problem
from opsctl.core.location import Location
from opsctl.core.runs.manifest import Run


def runs_of_dataset(dataset: Location, records: Records) -> list[Run]:
    """All runs of a dataset, oldest first.

    Raises
    ------
    Problem
        When there is none.
    """
    runs = [run for run in records.runs_of(dataset.name) if run.dataset == dataset.uri]
    if not runs:
        raise Problem(
            f"Nothing was ever run on {dataset.uri}.",
            f"`opsctl run {typed_dataset(dataset.uri, data_bucket=records.bucket)}` does.",
            code=ErrorCode.RUN_NOT_FOUND,
        )
    return runs


def runs_into(runs: Sequence[Run], output_name: str | None, *, dataset: Location) -> list[Run]:
    """Those of a dataset's runs that wrote to one derivatives folder, oldest first.

    Parameters
    ----------
    runs
        All runs of the dataset, oldest first.
    output_name
        The folder's name; None: that of the latest run.

    Raises
    ------
    Problem
        When no run wrote to it.
    """
    name = output_name_of(runs[-1]) if output_name is None else output_name
    chosen = [run for run in runs if output_name_of(run) == name]
    if not chosen:
        names = sorted({output_name_of(run) for run in runs})
        raise Problem(
            f"No run of {dataset.uri} wrote to {name}.", f"There is: {', '.join(names)}.", code=ErrorCode.RUN_NOT_FOUND
        )
    return chosen


def output_name_of(run: Run) -> str:
    """The name of a run's derivatives folder."""
    return run.output.rpartition("/")[2]
