"""`cost`: what runs have cost, by their attempts' real times; and how long scans have taken, for the next estimate."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from opsctl.aws.batch.batch import Batch
from opsctl.commands.runs.records import Records
from opsctl.commands.runs.run_reader import RunReader
from opsctl.core.costs.bill import NOT_INCLUDED, Bill, bill
from opsctl.core.costs.estimate import ENOUGH_SCANS, Hours, Rates, hours_of
from opsctl.core.errors import Problem
from opsctl.core.platform.platform import Platform
from opsctl.core.runs.attempt import Attempt
from opsctl.core.runs.manifest import Run
from opsctl.core.runs.result import Result
from opsctl.core.runs.status import BatchJob

SCHEMA_VERSION = 1

#: As many jobs without a word of their own are asked for: one call.
_SILENT_ASKED = 100


@dataclass(frozen=True, kw_only=True)
class RunCost:
    """What a run has cost.

    Attributes
    ----------
    own
        Of the jobs that this run submitted.
    adopted
        Of the scans that earlier runs' jobs did or do for it: paid there, so in no sum over runs; None without any.
    is_local
        Nothing was charged: the figures say what AWS would have.
    """

    run: Run
    rates: Rates
    own: Bill
    adopted: Bill | None
    is_local: bool

    def as_json(self, *, by_scan: bool = True) -> dict[str, Any]:
        """What `cost --json` prints of a run."""
        value: dict[str, Any] = {
            "run_id": self.run.run_id,
            "dataset": self.run.dataset,
            "created_at": self.run.created_at,
            "model": self.run.model,
            **_sums(self.own),
            "usd_charged": 0.0 if self.is_local else self.own.usd,
            "local": self.is_local,
            "complete": self.own.is_complete,
            "adopted": _sums(self.adopted) if self.adopted else None,
            "rates": {**asdict(self.rates), "usd_per_hour": self.rates.usd_per_hour},
            "basis": self.own.basis,
            "not_included": NOT_INCLUDED,
        }
        if by_scan:
            bills = {**self.own.by_scan, **(self.adopted.by_scan if self.adopted else {})}
            value["scans"] = [
                {"scan": name, "adopted": index >= self.run.submitted_count, **asdict(bills[index])}
                for index, name in enumerate(self.run.scans)
                if index in bills
            ]
        return value


def cost(
    run_id: str | None,
    *,
    records: Records,
    batch: Batch,
    platform: Platform,
    rates_of: Callable[[Run], Rates],
    now: datetime,
) -> RunCost:
    """What a run has cost so far; None: the latest run.

    Parameters
    ----------
    rates_of
        A run's prices.
    now
        With its time zone.
    """
    run = records.run(run_id)
    reader = RunReader(run, records=records, batch=batch)
    rates = rates_of(run)
    attempts = reader.attempts()
    jobs = jobs_for_bill(reader, attempts=attempts, results=reader.results(), records=records, batch=batch)
    own = run.submitted_count
    return RunCost(
        run=run,
        rates=rates,
        own=_bill_of(range(own), attempts, jobs, rates, now=now),
        adopted=_bill_of(range(own, len(run.scans)), attempts, jobs, rates, now=now) if run.adopted else None,
        is_local=platform.is_local,
    )


def all_costs(
    *,
    records: Records,
    batch: Batch,
    platform: Platform,
    rates_of: Callable[[Run], Rates],
    now: datetime,
) -> list[RunCost]:
    """What every run has cost, oldest first; one that cannot be read is left out."""
    found = []
    for run_id in records.run_ids():
        try:
            found.append(cost(run_id, records=records, batch=batch, platform=platform, rates_of=rates_of, now=now))
        except Problem:
            # Killed before its record stood: it submitted nothing.
            continue
    return found


def finished_hours(records: Records, *, platform: Platform, model: str, pipeline: str = "dwi") -> Hours:
    """How long a scan of this model takes on this platform: from its newest runs, as few as hold five finished scans.

    Parameters
    ----------
    model
        m2g's diffusion model, `csd` or `csa`.
    pipeline
        `dwi` or `func`: they take different times.
    """
    results: list[Result] = []
    for run_id in reversed(records.run_ids()):
        try:
            run = records.run(run_id)
        except Problem:
            continue
        if (run.platform, run.model, run.m2g.get("pipeline", "dwi")) != (platform.name, model, pipeline):
            continue
        results += [one for one in records.results(run_id).values() if one.succeeded]
        if len(results) >= ENOUGH_SCANS:
            break
    found = hours_of(results)
    if platform.is_local and found.is_measured:
        return replace(
            found, source=f"{found.source}, with the preview in m2g's place: m2g itself takes about 65 minutes"
        )
    return found


def jobs_for_bill(
    reader: RunReader, *, attempts: Collection[Attempt], results: Mapping[int, Result], records: Records, batch: Batch
) -> dict[int, BatchJob]:
    """Batch's word on the scans whose attempts do not tell their whole story by themselves; nothing else is asked.

    These are attempts without an end, numbers that are missing (lost before their runner wrote anything), and,
    where they are few, scans without attempt and result. What Batch has forgotten comes from what was written down.
    """
    numbers: dict[int, set[int]] = defaultdict(set)
    asked: dict[int, str] = {}
    for one in attempts:
        numbers[one.index].add(one.number)
        if one.stopped_at is None:
            asked[one.index] = one.job_id
    silent = [index for index in range(len(reader.run.scans)) if index not in numbers and index not in results]
    gaps = [index for index, some in numbers.items() if len(some) < max(some)]
    for index in [*gaps, *(silent if len(silent) <= _SILENT_ASKED else [])]:
        job_id = _job_id(reader, index)
        if job_id:
            asked.setdefault(index, job_id)
    described = batch.describe(sorted(set(asked.values()))) if asked else {}
    found = {index: described[job_id] for index, job_id in asked.items() if job_id in described}
    forgotten = {reader.run.origin(index).run_id for index in {*asked, *silent} - set(found)}
    kept = {run_id: records.load_final_job_states(run_id) for run_id in forgotten}
    for index in {*asked, *silent} - set(found):
        origin = reader.run.origin(index)
        if origin.index in kept[origin.run_id]:
            found[index] = kept[origin.run_id][origin.index]
    return found


def _job_id(reader: RunReader, index: int) -> str:
    origin = reader.run.origin(index)
    for submission in reader.submissions().get(origin.run_id, []):
        if origin.index in submission.indices:
            return submission.child_id(origin.index)
    return ""


def _bill_of(
    indices: range, attempts: Collection[Attempt], jobs: Mapping[int, BatchJob], rates: Rates, *, now: datetime
) -> Bill:
    return bill(
        [one for one in attempts if one.index in indices],
        {index: job for index, job in jobs.items() if index in indices},
        rates,
        now=now,
    )


def _sums(one: Bill) -> dict[str, Any]:
    scans = len(one.by_scan)
    return {
        "usd": one.usd,
        "hours": one.hours,
        "attempts": one.attempts,
        "lost_attempts": one.lost_attempts,
        "lost_usd": one.lost_usd,
        "scan_count": scans,
        "usd_per_scan": one.usd / scans if scans else None,
    }
