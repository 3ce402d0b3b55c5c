"""`audit`: every scan of a dataset × inputs, job, outputs."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import asdict, dataclass
from typing import Any

from opsctl.aws.batch.batch import Batch
from opsctl.aws.s3.storage import Storage
from opsctl.commands.runs.records import Records
from opsctl.core.dataset.discovery import discover
from opsctl.core.dataset.entities import EntityPatterns
from opsctl.core.dataset.scan import Exclusion
from opsctl.core.errors import Problem
from opsctl.core.location import Location, parse_uri
from opsctl.core.runs.audit import AuditEntry, AuditRow, audit_row, strays
from opsctl.core.runs.manifest import Run
from opsctl.core.runs.result import Result


@dataclass(frozen=True, kw_only=True)
class Audit:
    """What an output place has of a dataset.

    Attributes
    ----------
    rows
        Every scan of the dataset.
    excluded
        The images that m2g cannot process.
    strays
        Files of the output place that no succeeded result lists.
    """

    dataset: str
    output: str
    rows: tuple[AuditRow, ...]
    excluded: tuple[Exclusion, ...]
    strays: tuple[str, ...]

    @property
    def is_complete(self) -> bool:
        """Whether every scan is."""
        return all(row.state == "complete" for row in self.rows)

    @property
    def counts(self) -> dict[str, int]:
        """How many scans are in which state."""
        return dict(Counter(row.state for row in self.rows))

    def as_json(self) -> dict[str, Any]:
        """What `audit --json` prints."""
        return {
            "schema_version": 1,
            "dataset": self.dataset,
            "output": self.output,
            "complete": self.is_complete,
            "counts": self.counts,
            "scans": [row.as_json() for row in self.rows],
            "excluded": [asdict(one) for one in self.excluded],
            "strays": list(self.strays),
        }


def audit(
    dataset: Location,
    *,
    output_name: str | None,
    source: Storage,
    storage: Storage,
    records: Records,
    batch: Batch,
    patterns: EntityPatterns,
) -> Audit:
    """Hold a dataset against one of its output places.

    Parameters
    ----------
    output_name
        The derivatives folder; None: where the latest run of the dataset wrote to.
    source, storage
        S3 as the dataset is read, and the data bucket.

    Raises
    ------
    Problem
        When the dataset is not there, or nothing was ever run on it.
    """
    runs = _runs(dataset, output_name, records)
    latest = runs[-1]
    objects = source.dataset(dataset, pipeline=latest.m2g["pipeline"])
    discovery = discover(
        objects, patterns, bucket=dataset.bucket, prefix=dataset.key_prefix, pipeline=latest.m2g["pipeline"]
    )
    entries: dict[str, list[AuditEntry]] = defaultdict(list)
    results: list[Result] = []
    for run in reversed(runs):
        own = records.results(run.run_id)
        results += own.values()
        for name, entry in _entries(run, own, records=records, batch=batch):
            entries[name].append(entry)
    place = parse_uri(latest.output)
    there = {f"s3://{place.bucket}/{key}": one for key, one in storage.outputs(place).items()}
    etags = {f"s3://{dataset.bucket}/{one.key}": one.etag for one in objects}
    return Audit(
        dataset=dataset.uri,
        output=latest.output,
        rows=tuple(
            audit_row(scan.name, entries[scan.name], dataset=etags, derivatives=there) for scan in discovery.scans
        ),
        excluded=discovery.excluded,
        strays=tuple(strays(there, results)),
    )


def _runs(dataset: Location, output_name: str | None, records: Records) -> list[Run]:
    """The runs of a dataset into one place, oldest first."""
    runs = [run for run in records.runs_of(dataset.name) if run.dataset == dataset.uri]
    if not runs:
        raise Problem(f"Nothing was ever run on {dataset.uri}.", f"`opsctl run {dataset.name}` does.")
    place = runs[-1].output.rpartition("/")[2] if output_name is None else output_name
    into = [run for run in runs if run.output.rpartition("/")[2] == place]
    if not into:
        there = sorted({run.output.rpartition("/")[2] for run in runs})
        raise Problem(f"No run of {dataset.uri} wrote to {place}.", f"There is: {', '.join(there)}.")
    return into


def _entries(run: Run, results: dict[int, Result], *, records: Records, batch: Batch) -> list[tuple[str, AuditEntry]]:
    submissions = records.submissions(run.run_id)
    documents = records.documents(run.run_id)
    words = {**records.load_final_job_states(run.run_id), **batch.jobs(submissions)}
    return [
        (
            run.scans[index],
            AuditEntry(
                run_id=run.run_id,
                inputs={one["uri"]: one["etag"] for one in documents.get(index, {}).get("inputs", ())},
                result=results.get(index),
                job=words.get(index),
            ),
        )
        for submission in submissions
        for index in submission.indices
    ]
