"""A dataset over all its runs into one output location, read as one run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from opsctl.aws.s3.storage import Storage
from opsctl.commands.runs.output_files import OutputFiles
from opsctl.commands.runs.output_runs import output_name_of, runs_into, runs_of_dataset
from opsctl.commands.runs.records import Records
from opsctl.commands.runs.run_reader import RunReader
from opsctl.core.location import Location, parse_uri
from opsctl.core.results.best_results import best_results, dataset_run
from opsctl.core.runs.manifest import Run
from opsctl.core.runs.result import Result


@dataclass(frozen=True, kw_only=True)
class DatasetRuns:
    """The best result of each scan.

    Attributes
    ----------
    run
        A run in memory that adopted every scan from where its best result is (`dataset_run`).
    origins
        The runs that the scans are from, oldest first.
    other_outputs
        The names of the dataset's other derivatives folders.
    """

    run: Run
    origins: tuple[Run, ...]
    other_outputs: tuple[str, ...]


@dataclass(frozen=True)
class _RunResults:
    run: Run
    results: Mapping[int, Result]


def read_dataset(dataset: Location, *, output_name: str | None, records: Records, storage: Storage) -> DatasetRuns:
    """Read which result of each scan is the best.

    Parameters
    ----------
    output_name
        The derivatives folder's name; None: that of the dataset's latest run.
    storage
        The data bucket.

    Raises
    ------
    Problem
        When nothing was ever run on the dataset, or no run of it wrote to that folder.
    """
    of_dataset = runs_of_dataset(dataset, records, source=storage)
    runs = runs_into(of_dataset, output_name, dataset=dataset)
    readers = {run.run_id: RunReader(run, records=records) for run in runs}
    read = [_RunResults(run, readers[run.run_id].results()) for run in runs]
    latest = runs[-1]
    # Listed after the results are read, and only if a scan has several: what a job has published since then is there.
    files = OutputFiles(parse_uri(latest.output), storage=storage, runs=runs, reader_of=lambda run: readers[run.run_id])
    run = dataset_run(latest, best_results(read, is_intact=files.has_all_of))
    from_runs = {origin.run_id for origin in run.adopted}
    return DatasetRuns(
        run=run,
        origins=tuple(each for each in runs if each.run_id in from_runs),
        other_outputs=tuple(sorted({output_name_of(each) for each in of_dataset} - {output_name_of(latest)})),
    )
