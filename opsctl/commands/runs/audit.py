"""`audit`: checks the inputs, job and outputs of every scan of a dataset."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from opsctl.aws.batch.batch import Batch
from opsctl.aws.s3.storage import Storage
from opsctl.commands.runs.output_files import OutputFiles
from opsctl.commands.runs.output_runs import runs_into, runs_of_dataset
from opsctl.commands.runs.records import Records
from opsctl.commands.runs.snapshot import SnapshotReader
from opsctl.core.dataset.discovery import discover
from opsctl.core.dataset.entities import EntityPatterns
from opsctl.core.dataset.scan import Exclusion
from opsctl.core.location import Location, parse_uri
from opsctl.core.runs.audit import AuditEntry, AuditRow, audit_row
from opsctl.core.runs.manifest import Run
from opsctl.core.runs.snapshot import RunSnapshot


@dataclass(frozen=True, kw_only=True)
class Audit:
    """The state of a dataset's scans in one output location.

    Attributes
    ----------
    output
        S3 URI of the derivatives folder.
    rows
        Every scan of the dataset.
    excluded
        The images that m2g cannot process.
    unlisted_files
        URIs of files in the output location that no succeeded result lists.
    latest_run
        The latest run into the output location.
    """

    dataset: str
    output: str
    rows: tuple[AuditRow, ...]
    excluded: tuple[Exclusion, ...]
    unlisted_files: tuple[str, ...]
    latest_run: Run

    @property
    def is_complete(self) -> bool:
        """Whether every scan is complete."""
        return all(row.state == "complete" for row in self.rows)

    @property
    def is_work_left(self) -> bool:
        """Whether some scans are neither complete nor in flight."""
        return any(row.state not in ("complete", "in flight") for row in self.rows)

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
            "excluded": [asdict(exclusion) for exclusion in self.excluded],
            "strays": list(self.unlisted_files),
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
    now: Callable[[], datetime],
) -> Audit:
    """Audit a dataset's scans in one output location.

    Parameters
    ----------
    output_name
        The derivatives folder's name; None: that of the dataset's latest run.
    source, storage
        S3 as the dataset is read, and the data bucket.
    now
        The clock, UTC.

    Raises
    ------
    Problem
        When the dataset does not exist, or no run of it wrote to the output location.
    """
    runs = runs_into(runs_of_dataset(dataset, records, source=source), output_name, dataset=dataset)
    latest = runs[-1]
    pipeline = latest.m2g.get("pipeline", "dwi")
    dataset_objects = source.dataset(dataset, pipeline=pipeline)
    discovery = discover(dataset_objects, patterns, bucket=dataset.bucket, prefix=dataset.key_prefix, pipeline=pipeline)
    entries: dict[str, list[AuditEntry]] = defaultdict(list)
    readers = {run.run_id: SnapshotReader(run, records=records, batch=batch, now=now) for run in runs}
    for run in reversed(runs):
        for name, entry in _entries(readers[run.run_id].whole(), records.documents(run.run_id)):
            entries[name].append(entry)
    # Listed after the results are read: what a job has published since then is there.
    files = OutputFiles(
        parse_uri(latest.output), storage=storage, runs=runs, reader_of=lambda run: readers[run.run_id].on_s3
    )
    etags = {f"s3://{dataset.bucket}/{obj.key}": obj.etag for obj in dataset_objects}
    return Audit(
        dataset=dataset.uri,
        output=latest.output,
        rows=tuple(
            audit_row(scan.name, entries[scan.name], dataset=etags, damage_of=files.damage) for scan in discovery.scans
        ),
        excluded=discovery.excluded,
        unlisted_files=tuple(files.unlisted()),
        latest_run=latest,
    )


def _entries(snapshot: RunSnapshot, documents: Mapping[int, dict[str, Any]]) -> list[tuple[str, AuditEntry]]:
    """The scans that the run submitted, by name."""
    return [
        (
            scan.name,
            AuditEntry(
                run_id=snapshot.run.run_id,
                inputs={file["uri"]: file["etag"] for file in documents.get(scan.index, {}).get("inputs", ())},
                status=scan,
                result=snapshot.results.get(scan.index),
            ),
        )
        for scan in snapshot.status.scans
        if scan.index < snapshot.run.submitted_count and scan.is_submitted
    ]
