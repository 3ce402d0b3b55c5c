"""`cost`: what runs have cost, from their attempts' times; and how long scans took, for the next estimate."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
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

#: Up to this many scans without attempt and result are described: DescribeJobs takes 100 jobs.
_MOST_DESCRIBED = 100


@dataclass(frozen=True, kw_only=True)
class RunCost:
    """What a run has cost.

    Attributes
    ----------
    own
        The bill of the jobs that this run submitted.
    adopted
        The bill of the scans that it adopted; counted under the runs that submitted them. None where it adopted none.
    is_local
        Nothing was charged: the figures are what AWS would charge.
    """

    run: Run
    rates: Rates
    own: Bill
    adopted: Bill | None
    is_local: bool

    def as_json(self, *, by_scan: bool = True) -> dict[str, Any]:
        """What `cost --json` prints for a run."""
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
        Returns a run's prices.
    now
        With its time zone.
    """
    run = records.run(run_id)
    return _cost_of(run, records=records, batch=batch, platform=platform, rates=rates_of(run), now=now)


def all_costs(
    *,
    records: Records,
    batch: Batch,
    platform: Platform,
    rates_of: Callable[[Run], Rates],
    now: datetime,
) -> list[RunCost]:
    """What every run has cost, oldest first; a run that cannot be read is left out."""
    costs = []
    for run in records.runs(records.run_ids()).values():
        with suppress(Problem):
            costs.append(_cost_of(run, records=records, batch=batch, platform=platform, rates=rates_of(run), now=now))
    return costs


def _cost_of(run: Run, *, records: Records, batch: Batch, platform: Platform, rates: Rates, now: datetime) -> RunCost:
    reader = RunReader(run, records=records, batch=batch)
    attempts = reader.attempts()
    jobs = _jobs_for_bill(reader, attempts=attempts, results=reader.results(), records=records, batch=batch)
    own_count = run.submitted_count

    def bill_of(indices: range) -> Bill:
        return bill(
            [attempt for attempt in attempts if attempt.index in indices],
            {index: job for index, job in jobs.items() if index in indices},
            rates,
            now=now,
        )

    return RunCost(
        run=run,
        rates=rates,
        own=bill_of(range(own_count)),
        adopted=bill_of(range(own_count, len(run.scans))) if run.adopted else None,
        is_local=platform.is_local,
    )


def finished_hours(records: Records, *, platform: Platform, model: str, pipeline: str = "dwi") -> Hours:
    """How long a scan takes on this platform, from the newest runs that together hold five finished scans.

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
        results += [result for result in records.results(run_id).values() if result.succeeded]
        if len(results) >= ENOUGH_SCANS:
            break
    hours = hours_of(results)
    if platform.is_local and hours.is_measured:
        return replace(
            hours, source=f"{hours.source}, with the preview in m2g's place: m2g itself takes about 65 minutes"
        )
    return hours


def _jobs_for_bill(
    reader: RunReader, *, attempts: Collection[Attempt], results: Mapping[int, Result], records: Records, batch: Batch
) -> dict[int, BatchJob]:
    """The jobs of the scans whose recorded attempts are incomplete, by index; Batch is asked for no other.

    Incomplete are attempts without an end, and scans with a gap in their attempt numbers: the job of a lost attempt
    recorded nothing. Scans without attempt and result are described too while they are few. What Batch has forgotten
    comes from the saved final states.
    """
    numbers: dict[int, set[int]] = defaultdict(set)
    job_ids: dict[int, str] = {}
    for attempt in attempts:
        numbers[attempt.index].add(attempt.number)
        if attempt.stopped_at is None:
            job_ids[attempt.index] = attempt.job_id
    unrecorded = [index for index in range(len(reader.run.scans)) if index not in numbers and index not in results]
    with_gaps = [index for index, recorded in numbers.items() if len(recorded) < max(recorded)]
    for index in [*with_gaps, *(unrecorded if len(unrecorded) <= _MOST_DESCRIBED else [])]:
        if job_id := _job_id(reader, index):
            job_ids.setdefault(index, job_id)
    described = batch.describe(sorted(set(job_ids.values()))) if job_ids else {}
    jobs = {index: described[job_id] for index, job_id in job_ids.items() if job_id in described}
    saved: dict[str, dict[int, BatchJob]] = {}
    for index in {*job_ids, *unrecorded} - set(jobs):
        origin = reader.run.origin(index)
        if origin.run_id not in saved:
            saved[origin.run_id] = records.load_final_job_states(origin.run_id)
        if origin.index in saved[origin.run_id]:
            jobs[index] = saved[origin.run_id][origin.index]
    return jobs


def _job_id(reader: RunReader, index: int) -> str:
    origin = reader.run.origin(index)
    for submission in reader.submissions().get(origin.run_id, []):
        if origin.index in submission.indices:
            return submission.child_id(origin.index)
    return ""


def _sums(total: Bill) -> dict[str, Any]:
    scan_count = len(total.by_scan)
    return {
        "usd": total.usd,
        "hours": total.hours,
        "attempts": total.attempts,
        "lost_attempts": total.lost_attempts,
        "lost_usd": total.lost_usd,
        "scan_count": scan_count,
        "usd_per_scan": total.usd / scan_count if scan_count else None,
    }
