"""The runs of a dataset, and those of them into one derivatives folder."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from difflib import get_close_matches

from opsctl.aws.s3.storage import Storage
from opsctl.commands.runs.records import Records
from opsctl.core.dataset_argument import typed_dataset
from opsctl.core.errors import ErrorCode, Problem
from opsctl.core.location import Location, parse_uri
from opsctl.core.runs.manifest import Run, run_moment

_SHOWN = 5


def runs_of_dataset(dataset: Location, records: Records, *, source: Storage) -> list[Run]:
    """All runs of a dataset, oldest first.

    Parameters
    ----------
    source
        The storage of its bucket, asked only where there is no run: a name may be mistyped.

    Raises
    ------
    Problem
        When there is none.
    """
    runs = [run for run in records.runs_of(dataset.name) if run.dataset == dataset.uri]
    if not runs:
        raise _never_run(dataset, records, source)
    return runs


def _never_run(dataset: Location, records: Records, source: Storage) -> Problem:
    what = f"Nothing was ever run on {dataset.uri}"
    if _may_exist(dataset, source):
        command = f"opsctl run {shlex.quote(typed_dataset(dataset.uri, data_bucket=records.data_bucket))}"
        return Problem(f"{what}.", f"`{command}` runs m2g on it.", code=ErrorCode.RUN_NOT_FOUND)
    # One run of each name: that of others says the same.
    run_ids = {run_id[: -len(run_moment(run_id)) - 1]: run_id for run_id in records.run_ids()}
    others = [parse_uri(run.dataset) for run in records.runs(list(run_ids.values())).values()]
    near = set(get_close_matches(dataset.name, [other.name for other in others], n=_SHOWN))
    typed = sorted(
        {
            typed_dataset(other.uri, data_bucket=records.data_bucket)
            for other in others
            if not near or other.name in near
        }
    )
    shown = ", ".join(typed[:_SHOWN]) + (", …" if len(typed) > _SHOWN else "")
    hint = f"There are runs of: {shown}." if typed else "There is no run of any dataset yet."
    return Problem(f"{what}, and there is nothing at that address.", hint, code=ErrorCode.RUN_NOT_FOUND)


def _may_exist(dataset: Location, source: Storage) -> bool:
    """Whether there is a folder at its address; True also if the caller may not list it."""
    try:
        return bool(source.folders(dataset))
    except Problem:
        return True


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
