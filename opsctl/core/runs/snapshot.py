"""Everything known about a run at one moment. What a verb says of a run's scans is derived from it, and only here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property

from opsctl.core.costs.bill import Bill, ScanBill, bill
from opsctl.core.costs.estimate import Rates
from opsctl.core.runs.attempt_merge import AttemptsByScan, with_retries
from opsctl.core.runs.manifest import Run
from opsctl.core.runs.progress import progress_of
from opsctl.core.runs.result import Result
from opsctl.core.runs.status import ACTIVE, BatchJob, RunStatus, ScanStatus, State, join
from opsctl.core.runs.time_left import run_times


@dataclass(frozen=True)
class Pricing:
    """The prices of a run.

    Attributes
    ----------
    is_local
        The jobs run on this machine: the bill says what AWS would charge.
    """

    rates: Rates
    is_local: bool


@dataclass(frozen=True, kw_only=True)
class RunSnapshot:
    """A run's record, results, attempts and jobs, joined by the scans' indices.

    Attributes
    ----------
    at
        The moment, with its time zone.
    results
        The existing results.
    attempts
        Every attempt that is known, each scan's oldest first.
    jobs
        Batch's jobs; missing where Batch was not asked about the scan, or has forgotten the job.
    unsubmitted
        The status of each scan that Batch has no job for.
    indices
        The scans that the snapshot shows one by one.
    unlisted
        How many further scans are in which state.
    wait_reason
        Batch's reason why the first queued job waits; empty where there is none.
    sharing
        How many jobs an instance holds where a scan's job ran, for scans of which the run's own record does not say it:
        those that it adopted.
    """

    run: Run
    at: datetime
    results: Mapping[int, Result]
    attempts: AttemptsByScan
    jobs: Mapping[int, BatchJob]
    unsubmitted: Mapping[int, ScanStatus] = field(default_factory=dict)
    indices: tuple[int, ...]
    unlisted: Mapping[State, int] = field(default_factory=dict)
    wait_reason: str = ""
    sharing: Mapping[int, int] = field(default_factory=dict)

    @cached_property
    def status(self) -> RunStatus:
        """The state of every scan, without costs."""
        status = join(
            self.run, results=self.results, jobs=self.jobs, unsubmitted=self.unsubmitted, indices=self.indices
        )
        progress = progress_of(
            self.run.scans,
            self.attempts,
            self.jobs,
            self.results.values(),
            now=self.at,
            longest=timedelta(seconds=self.run.attempt_timeout_seconds),
        )
        status = replace(status, unlisted=self.unlisted, wait_reason=self.wait_reason, progress=progress)
        status = replace(status, times=run_times(status, self.attempts, self.results.values(), now=self.at))
        return with_retries(status, self.attempts)

    @cached_property
    def scans(self) -> Mapping[int, ScanStatus]:
        """The scans' states by index."""
        return {scan.index: scan for scan in self.status.scans}

    @property
    def active(self) -> list[int]:
        """The scans that wait or run."""
        return [index for index, scan in self.scans.items() if scan.state in ACTIVE]

    def bill(self, rates: Rates) -> Bill:
        """What the scans that this run submitted have cost."""
        return self._bill(range(self.run.submitted_count), rates)

    def adopted_bill(self, rates: Rates) -> Bill | None:
        """What the adopted scans have cost, which earlier runs paid for; None where the run adopted none."""
        run = self.run
        return self._bill(range(run.submitted_count, len(run.scans)), rates) if run.adopted else None

    @property
    def own_active(self) -> list[int]:
        """The scans that this run submits itself and that wait or run, those that are being submitted included."""
        return [index for index in self.active if index < self.run.submitted_count]

    def outstanding_usd(self, rates: Rates, own: Bill, indices: Iterable[int], *, hours_per_scan: float) -> float:
        """What active scans will cost beyond their bill, if the last attempt of each takes so long.

        Parameters
        ----------
        own
            The bill that they are in: what their ended attempts cost is in it and is not deducted.
        """
        usd_per_scan = hours_per_scan * rates.shared_by(self.run.scans_per_instance).usd_per_hour
        running = (own.by_scan[index].running_usd if index in own.by_scan else 0.0 for index in indices)
        return sum(max(0.0, usd_per_scan - usd) for usd in running)

    def bill_by_scan(self, rates: Rates) -> Mapping[int, ScanBill]:
        """What each scan has cost, own or adopted, by index; only scans that had an attempt."""
        return self._bill(range(len(self.run.scans)), rates).by_scan

    def with_costs(self, pricing: Pricing | None) -> RunStatus:
        """The state of every scan with the bills; without them where the prices are not known."""
        if pricing is None:
            return self.status
        return replace(
            self.status,
            bill=self.bill(pricing.rates),
            adopted_bill=self.adopted_bill(pricing.rates),
            is_local=pricing.is_local,
        )

    def of(self, indices: Iterable[int]) -> RunSnapshot:
        """The same snapshot, showing only some scans."""
        return replace(self, indices=tuple(indices), unlisted={})

    def _bill(self, indices: Set[int] | range, rates: Rates) -> Bill:
        return bill(
            # Batch may still know the job of a scan that was deleted on request.
            {index: ended for index, ended in self.attempts.items() if index in indices and self.run.scans[index]},
            self.jobs,
            rates,
            now=self.at,
            longest=timedelta(seconds=self.run.attempt_timeout_seconds),
            previewed={index for index in indices if self.run.is_previewed(index)},
            sharing={index: self.sharing.get(index, self.run.scans_per_instance) for index in indices},
        )
