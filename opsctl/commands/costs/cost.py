"""`cost`: what runs have cost, from their attempts' times; and how long scans took, for the next estimate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from opsctl.aws.batch.batch import Batch
from opsctl.commands.runs.records import Records
from opsctl.commands.runs.run_reader import RunReader
from opsctl.commands.runs.snapshot import SnapshotReader
from opsctl.core.costs.bill import NOT_INCLUDED, Bill
from opsctl.core.costs.estimate import ENOUGH_SCANS, Hours, Rates, hours_of
from opsctl.core.costs.forecast import Forecast, forecast
from opsctl.core.costs.money import Money
from opsctl.core.errors import Problem
from opsctl.core.platform.platform import Platform
from opsctl.core.preview import is_preview
from opsctl.core.runs.manifest import Run, run_moment
from opsctl.core.runs.result import Result
from opsctl.core.runs.snapshot import Pricing, RunSnapshot

SCHEMA_VERSION = 2


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
    forecast
        What it will have cost at its end; None where nobody asked.
    """

    run: Run
    rates: Rates
    own: Bill
    adopted: Bill | None
    is_local: bool
    forecast: Forecast | None = None

    @property
    def money(self) -> Money:
        """What the run's own jobs have cost, and what that sum stands for."""
        return self.own.money(is_local=self.is_local)

    def as_json(self, *, by_scan: bool = True) -> dict[str, Any]:
        """What `cost --json` prints for a run."""
        value: dict[str, Any] = {
            "run_id": self.run.run_id,
            "dataset": self.run.dataset,
            "created_at": self.run.created_at,
            "model": self.run.model,
            **_sums(self.own),
            **self.money.as_json(),
            "local": self.is_local,
            "complete": self.own.is_complete,
            "adopted": _sums(self.adopted) if self.adopted else None,
            "rates": {**asdict(self.rates), "usd_per_hour": self.rates.usd_per_hour},
            "basis": self.own.basis,
            "not_included": NOT_INCLUDED,
        }
        if self.forecast is not None:
            value["forecast"] = self.forecast.as_json(is_local=self.is_local)
        if by_scan:
            bills = {**self.own.by_scan, **(self.adopted.by_scan if self.adopted else {})}
            value["scans"] = [
                {"scan": name, "adopted": index >= self.run.submitted_count, **asdict(bills[index])}
                for index, name in enumerate(self.run.scans)
                if index in bills
            ]
        return value


def run_cost(snapshot: RunSnapshot, pricing: Pricing, *, hours: Hours | None = None) -> RunCost:
    """What a run has cost so far.

    Parameters
    ----------
    hours
        How long a scan takes, for the forecast, for which the snapshot shows every scan; None: without a forecast.
    """
    return RunCost(
        run=snapshot.run,
        rates=pricing.rates,
        own=snapshot.bill(pricing.rates),
        adopted=snapshot.adopted_bill(pricing.rates),
        is_local=pricing.is_local,
        forecast=None if hours is None else forecast(snapshot, pricing.rates, hours),
    )


def all_costs(
    *, records: Records, batch: Batch, pricing_of: Callable[[Run], Pricing], now: Callable[[], datetime]
) -> list[RunCost]:
    """What every run has cost, oldest first; a run that cannot be read is left out and reported (`Records.runs`).

    Parameters
    ----------
    pricing_of
        Returns a run's prices.
    now
        The clock, UTC.
    """
    costs = []
    for run in records.runs(records.run_ids()).values():
        snapshot = SnapshotReader(run, records=records, batch=batch, now=now).progress()
        costs.append(run_cost(snapshot, pricing_of(run)))
    return costs


def finished_hours(
    records: Records,
    *,
    platform: Platform,
    model: str,
    pipeline: str = "dwi",
    reuses_registration: bool = False,
    scans_per_instance: int = 1,
    resources: str | None = None,
    before: str = "",
) -> Hours:
    """How long a scan takes on this platform, from the newest runs that together hold five finished scans.

    Runs with the preview in m2g's place do not count: every estimate is one for AWS, where m2g runs.

    Parameters
    ----------
    model
        m2g's diffusion model, `csd` or `csa`.
    pipeline
        `dwi` or `func`: they take different times.
    reuses_registration
        Whether the scans start from an earlier registration: they take a fraction of a full run's time, so neither
        counts for the other.
    scans_per_instance
        How many scans share an instance. Where no such scans have finished, those that had it for
        themselves count, with what is assumed for sharing it.
    resources
        The model whose instances they share; None: their own.
    before
        The id of a run: it and all later ones do not count.
    """
    resources = resources or model
    hours = _hours_of_runs(
        records,
        platform=platform,
        model=model,
        pipeline=pipeline,
        reuses_registration=reuses_registration,
        scans_per_instance=scans_per_instance,
        resources=resources,
        before=before,
    )
    if not hours.is_measured and scans_per_instance > 1:
        alone = _hours_of_runs(
            records,
            platform=platform,
            model=model,
            pipeline=pipeline,
            reuses_registration=reuses_registration,
            scans_per_instance=1,
            resources=resources,
            before=before,
        )
        hours = alone.beside(scans_per_instance, vcpus=platform.models[resources].whole_vcpus)
    return replace(hours, startup=records.platform_times().startup(platform.models[resources].instance_type))


def hours_of_run(records: Records, run: Run, *, platform: Platform, before: str = "") -> Hours:
    """How long a scan of a run takes: by scans like it that have finished, its own among them.

    Parameters
    ----------
    before
        The id of a run: it and all later ones do not count.
    """
    return finished_hours(
        records,
        platform=platform,
        model=run.model,
        pipeline=run.m2g.get("pipeline", "dwi"),
        reuses_registration=run.m2g.get("reuse_registration", False),
        scans_per_instance=run.scans_per_instance,
        resources=run.resources,
        before=before,
    )


def _hours_of_runs(
    records: Records,
    *,
    platform: Platform,
    model: str,
    pipeline: str,
    reuses_registration: bool,
    scans_per_instance: int,
    resources: str,
    before: str,
) -> Hours:
    results: list[Result] = []
    has_others = False
    for run_id in reversed(records.run_ids()):
        if before and run_moment(run_id) >= run_moment(before):
            continue
        try:
            run = records.run(run_id)
        except Problem:
            continue
        of_run = (run.platform, run.model, run.m2g.get("pipeline", "dwi"), run.m2g.get("reuse_registration", False))
        if of_run != (platform.name, model, pipeline, reuses_registration):
            continue
        if is_preview(run.image):
            continue
        # Two on an instance with one core wait for each other, two on a larger one do not.
        is_alike = run.scans_per_instance == 1 or run.resources == resources
        if run.scans_per_instance != scans_per_instance or not is_alike:
            has_others = True
            continue
        results += [result for result in RunReader(run, records=records).own_results() if result.succeeded]
        if len(results) >= ENOUGH_SCANS:
            break
    # func has no diffusion model.
    kind = pipeline if pipeline == "func" else f"{pipeline} {model}"
    hours = hours_of(
        results,
        kind=kind,
        reuses_registration=reuses_registration,
        scans_per_instance=scans_per_instance,
        has_others=has_others,
    )
    if is_preview(platform.image) and not hours.is_measured:
        return replace(hours, source="65 minutes a scan (the m2g guide's figure: times of the preview do not count)")
    return hours


def _sums(total: Bill) -> dict[str, Any]:
    scan_count = len(total.by_scan)
    return {
        "usd": total.usd,
        "hours": total.hours,
        "attempts": total.attempts,
        "lost_attempts": total.lost_attempts,
        "lost_usd": total.lost_usd,
        "scan_count": scan_count,
        "usd_per_scan": total.usd_per_scan,
    }
