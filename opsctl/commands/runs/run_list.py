"""`runs`: lists the runs with their counts and costs; an ended run is read only once and then cached."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from opsctl.aws.batch.batch import Batch
from opsctl.commands.runs.records import Records
from opsctl.commands.runs.snapshot import SnapshotReader
from opsctl.core.atlases.atlas_table import AtlasTable
from opsctl.core.costs.money import Money, spent
from opsctl.core.dataset_argument import DatasetName, dataset_location, parse_dataset, refuse_version
from opsctl.core.location import parse_uri
from opsctl.core.openneuro.accession import Accession
from opsctl.core.record import RecordReader
from opsctl.core.runs.m2g_options import M2gOptions
from opsctl.core.runs.manifest import Run, may_be_run_of
from opsctl.core.runs.snapshot import Pricing
from opsctl.core.runs.state import DailyState, daily_counts, daily_state
from opsctl.core.runs.status import RunStatus

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
    done, failed, cancelled, active
        How many scans are in these states. A cancelled scan has not failed; an active one waits, starts or runs.
    resources
        The model whose instances the jobs use: it decides the price.
    paid_hours
        The hours that the run's own jobs are charged for; None where attempts or prices were not read.
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
    cancelled: int
    active: int
    resources: str
    paid_hours: float | None = None

    @property
    def state(self) -> str:
        """`active`, `failed`, `cancelled` or `done`."""
        if self.active:
            return "active"
        if self.failed:
            return "failed"
        return "cancelled" if self.cancelled else "done"

    def cost(self, pricing: Pricing | None) -> Money | None:
        """What the run's own jobs have cost so far; None where the hours or the prices are not known."""
        if pricing is None or self.paid_hours is None:
            return None
        rates = pricing.rates
        return spent(
            self.paid_hours * rates.usd_per_instance_hour, is_local=pricing.is_local, is_complete=rates.is_complete
        )

    def as_json(self, pricing: Pricing | None) -> dict[str, Any]:
        """One element of `runs` in `runs --json`."""
        cost = self.cost(pricing)
        return {**asdict(self), "state": self.state, "cost": cost.as_json() if cost is not None else None}


_READER = RecordReader(RunLine, hint="", version=None)


@dataclass(frozen=True, kw_only=True)
class RunList:
    """Runs, oldest first.

    Attributes
    ----------
    earlier
        How many older runs were left out.
    unread
        Ids of the runs whose record this version of opsctl cannot read. A folder without one is no run: its `opsctl
        run` was stopped before it submitted anything, or is just about to.
    pricing
        The prices of each model's instances, where they are known.
    """

    lines: tuple[RunLine, ...]
    earlier: int
    unread: tuple[str, ...]
    pricing: Mapping[str, Pricing] = field(default_factory=dict)

    def cost(self, line: RunLine) -> Money | None:
        """What a run has cost so far; None where that is not known."""
        return line.cost(self.pricing.get(line.resources))

    def as_json(self) -> dict[str, Any]:
        """What `runs --json` prints."""
        return {
            "schema_version": SCHEMA_VERSION,
            "runs": [line.as_json(self.pricing.get(line.resources)) for line in self.lines],
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
    pricing_of: Callable[[str], Pricing | None] | None = None,
) -> RunList:
    """List the runs.

    Parameters
    ----------
    atlases
        All of neuroparc's atlases.
    dataset
        Only the runs of this dataset, as users type it.
    last
        At most this many, the latest ones; None: all.
    pricing_of
        Returns the prices of a model's instances, or None where they are not known; None: costs are left out, and
        fewer records are read.
    """
    run_ids = records.run_ids()
    if dataset is not None:
        name = dataset_location(dataset, data_bucket="").name
        run_ids = [run_id for run_id in run_ids if may_be_run_of(run_id, name)]
    chosen = run_ids if last is None else run_ids[-last:]
    stored = {run_id: records.completion_cache.ended(run_id, _READER) for run_id in chosen}
    cached = {
        run_id: line
        for run_id, line in stored.items()
        if line is not None and (pricing_of is None or line.paid_hours is not None)
    }
    uncached = records.runs([run_id for run_id in chosen if run_id not in cached])

    def read_line(run: Run) -> RunLine:
        reader = SnapshotReader(run, records=records, batch=batch, now=now, is_saving=True)
        pricing = pricing_of(run.resources) if pricing_of is not None else None
        line, is_final = _read_line(reader, _options(run, atlases), pricing=pricing)
        if is_final:
            records.completion_cache.end(run.run_id, asdict(line))
        return line

    with ThreadPoolExecutor(_THREADS) as pool:
        by_run = {**cached, **{line.run_id: line for line in pool.map(read_line, uncached.values())}}
    lines = [line for run_id in chosen if (line := by_run.get(run_id)) and (dataset is None or _is_of(line, dataset))]
    pricing = {line.resources: pricing_of(line.resources) for line in lines} if pricing_of is not None else {}
    return RunList(
        lines=tuple(lines),
        earlier=len(run_ids) - len(chosen),
        unread=tuple(run_id for run_id in chosen if run_id not in by_run and records.unreadable(run_id)),
        pricing={model: price for model, price in pricing.items() if price is not None},
    )


def _read_line(reader: SnapshotReader, options: Mapping[str, Any], *, pricing: Pricing | None) -> tuple[RunLine, bool]:
    """A run's line, and whether nothing can change it any more.

    Parameters
    ----------
    pricing
        None: the line is without hours, and made from as few records as possible.
    """
    run = reader.run
    if pricing is not None:
        status = reader.progress().with_costs(pricing)
    elif sum(result.succeeded for result in reader.on_s3.results().values()) == len(run.remaining):
        # Results decide, so Batch is not asked.
        return _line(run, options, counts={**daily_counts(()), DailyState.DONE: len(run.remaining)}), True
    else:
        status = reader.counts()
    counts = daily_counts((daily_state(scan.state, scan.cause_code) for scan in status.scans), more=status.unlisted)
    rate = pricing.rates.usd_per_instance_hour if pricing is not None else 0.0
    # Not the bill's hours: those of the preview are not what is charged.
    paid_hours = status.bill.usd / rate if status.bill is not None and rate else None
    line = _line(run, options, counts=counts, paid_hours=paid_hours)
    return line, _is_final(reader, status, line)


def _is_final(reader: SnapshotReader, status: RunStatus, line: RunLine) -> bool:
    """Whether nothing can change a run's line any more."""
    if line.active or not reader.jobs_are_over:
        return False
    # A submission that was cut short may still be made by the next `opsctl run`.
    return all(scan.is_submitted for scan in status.scans) and not reader.intended()


def _options(run: Run, atlases: AtlasTable) -> dict[str, Any]:
    """m2g's options that differ from the defaults, as they would be typed."""
    defaults = {**M2gOptions().as_dict(), "parcellation": [atlas.name for atlas in atlases.default]}
    options = {name: value for name, value in run.m2g.items() if defaults.get(name) != value}
    if "parcellation" in options:
        options["parcellation"] = [atlases.spelling(name) for name in options["parcellation"]]
    return options


def _line(
    run: Run, options: Mapping[str, Any], *, counts: Mapping[DailyState, int], paid_hours: float | None = None
) -> RunLine:
    return RunLine(
        run_id=run.run_id,
        dataset=run.dataset,
        output=run.output,
        options=options,
        created_at=run.created_at,
        created_by=run.created_by,
        total=len(run.remaining),
        done=counts[DailyState.DONE],
        failed=counts[DailyState.FAILED],
        cancelled=counts[DailyState.CANCELLED],
        active=sum(count for state, count in counts.items() if state.is_active),
        resources=run.resources,
        paid_hours=paid_hours,
    )


def _is_of(line: RunLine, dataset: str) -> bool:
    named = parse_dataset(dataset)
    location = parse_uri(line.dataset)
    if isinstance(named, DatasetName):
        return named.name in (location.prefix, location.name)
    if isinstance(named, Accession):
        refuse_version(named)
        return location == named.location
    return location == named
