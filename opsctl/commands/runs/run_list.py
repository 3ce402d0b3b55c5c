"""`runs`: lists the runs with their counts; an ended run is read only once and then cached."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from opsctl.aws.batch.batch import Batch
from opsctl.commands.runs.records import Records
from opsctl.commands.runs.snapshot import SnapshotReader
from opsctl.core.atlases.atlas_table import AtlasTable
from opsctl.core.location import parse_uri
from opsctl.core.record import RecordReader
from opsctl.core.runs.m2g_options import M2gOptions
from opsctl.core.runs.manifest import Run, may_be_run_of
from opsctl.core.runs.status import ACTIVE

SCHEMA_VERSION = 1

_THREADS = 4


@dataclass(frozen=True, kw_only=True)
class RunLine:
    """One run in the list.

    Attributes
    ----------
    dataset, output
        S3 URIs.
    options
        m2g's options that differ from the defaults, as they would be typed.
    active
        How many scans wait or run.
    """

    run_id: str
    dataset: str
    output: str
    options: Mapping[str, Any]
    created_at: str
    created_by: str
    total: int
    done: int
    failed: int
    active: int

    @property
    def state(self) -> str:
        """`active`, `failed` or `done`."""
        if self.active:
            return "active"
        return "failed" if self.failed else "done"

    def as_json(self) -> dict[str, Any]:
        """One element of `runs` in `runs --json`."""
        return {**asdict(self), "state": self.state}


_READER = RecordReader(RunLine, hint="", version=None)


@dataclass(frozen=True, kw_only=True)
class RunList:
    """Runs, oldest first.

    Attributes
    ----------
    earlier
        How many older runs were left out.
    unread
        Ids of the runs without a record that this version of opsctl can read.
    """

    lines: tuple[RunLine, ...]
    earlier: int
    unread: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """What `runs --json` prints."""
        return {
            "schema_version": SCHEMA_VERSION,
            "runs": [line.as_json() for line in self.lines],
            "earlier": self.earlier,
            "unread": list(self.unread),
        }


def runs(
    *,
    records: Records,
    batch: Batch,
    atlases: AtlasTable,
    now: Callable[[], datetime],
    dataset: str | None = None,
    last: int | None = None,
) -> RunList:
    """List the runs.

    Parameters
    ----------
    atlases
        All of neuroparc's atlases.
    dataset
        Only the runs of this dataset: its name or its URI.
    last
        At most this many, the latest ones; None: all.
    """
    run_ids = records.run_ids()
    if dataset is not None:
        name = dataset.rstrip("/").rpartition("/")[2]
        run_ids = [run_id for run_id in run_ids if may_be_run_of(run_id, name)]
    chosen = run_ids if last is None else run_ids[-last:]
    cached = {run_id: line for run_id in chosen if (line := records.completion_cache.ended(run_id, _READER))}
    uncached = records.runs([run_id for run_id in chosen if run_id not in cached])

    def read_line(run: Run) -> RunLine:
        return _read_line(run, records=records, batch=batch, atlases=atlases, now=now)

    with ThreadPoolExecutor(_THREADS) as pool:
        by_run = {**cached, **{line.run_id: line for line in pool.map(read_line, uncached.values())}}
    lines = [by_run[run_id] for run_id in chosen if run_id in by_run]
    return RunList(
        lines=tuple(line for line in lines if dataset is None or _is_of(line, dataset)),
        earlier=len(run_ids) - len(chosen),
        unread=tuple(run_id for run_id in chosen if run_id not in by_run),
    )


def _read_line(
    run: Run, *, records: Records, batch: Batch, atlases: AtlasTable, now: Callable[[], datetime]
) -> RunLine:
    options = _options(run, atlases)
    reader = SnapshotReader(run, records=records, batch=batch, now=now, is_saving=True)
    done = sum(result.succeeded for result in reader.on_s3.results().values())
    if done == len(run.remaining):
        # Results decide, so Batch is not asked.
        line, is_final = _line(run, options, done=done, failed=0, active=0), True
    else:
        status = reader.counts()
        counts = status.counts
        active = sum(counts[state] for state in ACTIVE)
        line = _line(run, options, done=counts["DONE"], failed=counts["FAILED"], active=active)
        # A submission that was cut short may still be made by the next `opsctl run`.
        is_submitted = all(scan.is_submitted for scan in status.scans) and not reader.intended()
        is_final = not active and reader.jobs_are_over and is_submitted
    if is_final:
        records.completion_cache.end(run.run_id, asdict(line))
    return line


def _options(run: Run, atlases: AtlasTable) -> dict[str, Any]:
    """m2g's options that differ from the defaults, as they would be typed."""
    defaults = {**M2gOptions().as_dict(), "parcellation": [atlas.name for atlas in atlases.default]}
    options = {name: value for name, value in run.m2g.items() if defaults.get(name) != value}
    if "parcellation" in options:
        options["parcellation"] = [atlases.spelling(name) for name in options["parcellation"]]
    return options


def _line(run: Run, options: Mapping[str, Any], *, done: int, failed: int, active: int) -> RunLine:
    return RunLine(
        run_id=run.run_id,
        dataset=run.dataset,
        output=run.output,
        options=options,
        created_at=run.created_at,
        created_by=run.created_by,
        total=len(run.remaining),
        done=done,
        failed=failed,
        active=active,
    )


def _is_of(line: RunLine, dataset: str) -> bool:
    if "://" in dataset:
        return line.dataset == dataset.rstrip("/")
    return dataset.strip("/") in (parse_uri(line.dataset).prefix, parse_uri(line.dataset).name)
