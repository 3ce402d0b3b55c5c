"""`runs`: every run with what it came to; nobody is asked twice about one that has ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from opsctl.aws.batch.batch import Batch
from opsctl.commands.runs.records import Records
from opsctl.commands.runs.run_reader import RunReader
from opsctl.commands.runs.status import StatusReader
from opsctl.core.location import parse_uri
from opsctl.core.runs.m2g_options import M2gOptions
from opsctl.core.runs.manifest import Run, may_be_run_of
from opsctl.core.runs.status import ACTIVE

SCHEMA_VERSION = 1

_AT_ONCE = 4


@dataclass(frozen=True, kw_only=True)
class RunLine:
    """One run in the list.

    Attributes
    ----------
    dataset, output
        S3 addresses.
    options
        m2g's options where they are not m2g's defaults.
    active
        How many scans still wait or run.
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
        """In one word."""
        if self.active:
            return "active"
        return "failed" if self.failed else "done"

    def as_json(self) -> dict[str, Any]:
        """One of `runs --json`."""
        return {**asdict(self), "state": self.state}


@dataclass(frozen=True, kw_only=True)
class RunList:
    """Runs, oldest first.

    Attributes
    ----------
    earlier
        How many older runs were not looked at.
    unread
        Runs without a record that this version of opsctl can read.
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
    *, records: Records, batch: Batch, now: Callable[[], datetime], dataset: str | None = None, last: int | None = None
) -> RunList:
    """The runs that there are.

    Parameters
    ----------
    dataset
        Only the runs of this one: its name or its address.
    last
        No more than so many; None: all.
    """
    every = records.run_ids()
    if dataset is not None:
        name = dataset.rstrip("/").rpartition("/")[2]
        every = [run_id for run_id in every if may_be_run_of(run_id, name)]
    chosen = every if last is None else every[-last:]
    known = {
        run_id: RunLine(**value) for run_id in chosen if (value := records.completion_cache.ended(run_id)) is not None
    }
    fresh = records.runs([run_id for run_id in chosen if run_id not in known])

    def look(run: Run) -> RunLine:
        return _look(run, records=records, batch=batch, now=now)

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        found = {**known, **{line.run_id: line for line in pool.map(look, fresh.values())}}
    lines = [found[run_id] for run_id in chosen if run_id in found]
    return RunList(
        lines=tuple(line for line in lines if dataset is None or _is_of(line, dataset)),
        earlier=len(every) - len(chosen),
        unread=tuple(run_id for run_id in chosen if run_id not in found),
    )


def _look(run: Run, *, records: Records, batch: Batch, now: Callable[[], datetime]) -> RunLine:
    reader = RunReader(run, records=records, batch=batch)
    results = reader.results()
    done, total = sum(one.succeeded for one in results.values()), len(run.scans)
    if done == total:
        # The results are the truth: Batch has nothing to add.
        line, is_over = _line(run, done=done, failed=0, active=0), True
    else:
        states = StatusReader(reader, records=records, batch=batch, now=now)
        found = states.states()
        counts = found.counts
        active = sum(counts[state] for state in ACTIVE)
        line = _line(run, done=counts["DONE"], failed=counts["FAILED"], active=active)
        # What was cut short may be submitted yet, by whoever types the run again.
        is_over = not active and states.jobs_are_over and all(scan.is_submitted for scan in found.scans)
    if is_over:
        records.completion_cache.end(run.run_id, asdict(line))
    return line


def _line(run: Run, *, done: int, failed: int, active: int) -> RunLine:
    defaults = M2gOptions().as_dict()
    return RunLine(
        run_id=run.run_id,
        dataset=run.dataset,
        output=run.output,
        options={name: value for name, value in run.m2g.items() if defaults.get(name) != value},
        created_at=run.created_at,
        created_by=run.created_by,
        total=len(run.scans),
        done=done,
        failed=failed,
        active=active,
    )


def _is_of(line: RunLine, dataset: str) -> bool:
    if "://" in dataset:
        return line.dataset == dataset.rstrip("/")
    return dataset.strip("/") in (parse_uri(line.dataset).prefix, parse_uri(line.dataset).name)
