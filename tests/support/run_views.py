"""What each verb says of a run's scans: the only place where the tests of their agreement call the verbs' functions.

Every verb reads as a process of its own does, and none may write: to look must not change what the next one sees.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from opsctl.assets import atlas_table
from opsctl.aws.batch.batch import Batch
from opsctl.aws.s3.cache import Cache
from opsctl.aws.s3.storage import Storage
from opsctl.commands.costs.budget import Spending, spending
from opsctl.commands.costs.cost import RunCost, run_cost
from opsctl.commands.diagnosis.why import why
from opsctl.commands.results.report import Report, ReportSubject, gather
from opsctl.commands.runs.audit import audit
from opsctl.commands.runs.prior_runs import PriorRuns
from opsctl.commands.runs.records import Records
from opsctl.commands.runs.run_list import RunLine, runs
from opsctl.commands.runs.scan_detail import ScanDetail, scan_details
from opsctl.commands.runs.snapshot import SnapshotReader
from opsctl.core.costs.bill import ScanBill
from opsctl.core.costs.estimate import Rates
from opsctl.core.diagnosis.cause_code import CauseCode
from opsctl.core.diagnosis.queue_snapshot import NotVisible, QueueSnapshot
from opsctl.core.diagnosis.why import Answer
from opsctl.core.location import parse_uri
from opsctl.core.runs.attempt import Attempt
from opsctl.core.runs.audit import AuditRow
from opsctl.core.runs.manifest import Run
from opsctl.core.runs.scan_history import ScanDisposition
from opsctl.core.runs.snapshot import Pricing, RunSnapshot
from opsctl.core.runs.status import ACTIVE, RunStatus, ScanStatus, State
from support.history_world import HistoryWorld
from support.run_world import PATTERNS, PLATFORM

RATES = Rates(
    instance_usd_per_hour=1.0,
    disk_usd_per_gib_hour=0.0,
    address_usd_per_hour=0.0,
    root_volume_gib=100,
    source="a test",
    kind="on-demand",
)
PRICING = Pricing(rates=RATES, is_local=False)
_NEVER_SUBMITTED = (CauseCode.NEVER_SUBMITTED, CauseCode.BEING_SUBMITTED)


@dataclass(frozen=True)
class View:
    """What one verb says of one scan; None where it does not say.

    Attributes
    ----------
    state
        `DONE`, `FAILED`, one of Batch's states of a job that is on its way, or `ACTIVE`: one of these.
    attempts
        How many attempts have started.
    cause
        The code of why it failed; empty where it has not.
    usd
        What it has cost.
    """

    state: str | None = None
    attempts: int | None = None
    cause: str | None = None
    usd: float | None = None


class Told:
    """What every verb says of one run at this moment; each verb is asked at most once, by adapters of its own."""

    def __init__(self, world: HistoryWorld, run: Run) -> None:
        self.world, self.run = world, run

    def views(self) -> dict[str, dict[str, View]]:
        """What every verb says of each scan, by the verb and the scan's name."""
        rows = {row.scan: row for row in self.audited}
        return {
            "status": _of_status(self.polled),
            "status --json": _of_status(self.whole),
            "status --scan": {detail.status.name: _of_detail(detail) for detail in self.details},
            "why": _of_answer(self.why),
            "why SCAN": {name: _of_one_answer(self._why(name)) for name in self.run.scans},
            "cost": self._of_cost(),
            "results": self._of_bills(self.table),
            "report": self._of_report(),
            "audit": {scan.name: _of_audit(rows[scan.name]) for scan in self.whole.scans},
            "run": {scan.name: _of_disposition(scan) for scan in self.dispositions},
        }

    def counts(self) -> dict[str, dict[str, int]]:
        """How many scans are done, failed and on their way, by the verbs that count them."""
        # A person's machine keeps the line of a run that has ended; somebody who deletes its records is not seen.
        caches = {"runs": Cache(), **({} if self.world.has_lost_results else {"runs, a second time": self.world.cache})}
        lines = {verb: self._line(cache) for verb, cache in caches.items()}
        # AWS Batch's FAILED is both: failed, and cancelled by a person.
        ended = {verb: line.failed + line.cancelled for verb, line in lines.items()}
        return {
            **{verb: {"DONE": line.done, "FAILED": ended[verb], "ACTIVE": line.active} for verb, line in lines.items()},
            "logs": _coarse(self.states.counts),
            "status": _coarse(self.polled.counts),
            "why": _coarse(self.why.counts),
        }

    def totals(self) -> dict[str, float]:
        """What the jobs that the run submitted have cost in USD, by the verbs that add it up."""
        polled, reported = self.polled.bill, self.report.status.bill
        assert polled is not None and reported is not None
        spent = self.spent(usd_per_scan=3.0).spent_usd
        return {"cost": self.cost.own.usd, "status": polled.usd, "report": reported.usd, "--max-spend": spent}

    def bases(self) -> dict[str, str]:
        """What each verb says that its sum is made of."""
        polled, reported = self.polled.bill, self.report.status.bill
        assert polled is not None and reported is not None
        return {"cost": self.cost.own.basis, "status": polled.basis, "report": reported.basis}

    def never_submitted(self) -> dict[str, set[str]]:
        """The scans of which each verb says that no job of them was ever submitted."""
        return {
            "status": {scan.name for scan in self.whole.scans if not scan.is_submitted},
            "why": {
                name
                for explanation in self.why.explanations
                for name in explanation.scans
                if explanation.code in _NEVER_SUBMITTED
            },
            "audit": {row.scan for row in self.audited if row.state == "missing"},
            "run": {scan.name for scan in self.dispositions if scan.disposition == "new"},
        }

    def spent(self, *, usd_per_scan: float) -> Spending:
        """What `--max-spend` counts for the run; the last attempt of a scan in flight may cost `usd_per_scan`."""
        return spending([self._spent_on], rates_of=lambda run: RATES, hours_per_scan=usd_per_scan / RATES.usd_per_hour)

    @cached_property
    def _spent_on(self) -> RunSnapshot:
        return self._snapshots().whole()

    @cached_property
    def polled(self) -> RunStatus:
        """`status`."""
        return self._snapshots().progress(wait_reason=True).with_costs(PRICING)

    @cached_property
    def whole(self) -> RunStatus:
        """`status --json`."""
        return self._snapshots().whole(wait_reason=True).with_costs(PRICING)

    @cached_property
    def states(self) -> RunStatus:
        """What `logs` asks for between its lines."""
        return self._snapshots().counts()

    @cached_property
    def details(self) -> list[ScanDetail]:
        """`status --scan` of every scan."""
        snapshot = self._snapshots().scans(range(len(self.run.scans)))
        return scan_details(snapshot, records=self._records(), pricing=PRICING)

    @cached_property
    def why(self) -> Answer:
        """`why`."""
        return self._why(None)

    @cached_property
    def cost(self) -> RunCost:
        """`cost`."""
        return run_cost(self._snapshots().progress(), PRICING)

    @cached_property
    def table(self) -> Mapping[int, ScanBill]:
        """The costs in `connectomes.tsv`, as cli/verbs/results.py asks for them."""
        return self._snapshots().progress().bill_by_scan(RATES)

    @cached_property
    def report(self) -> Report:
        """`report`."""
        snapshots = self._snapshots()
        whole = snapshots.whole()
        subject = ReportSubject(run=self.run)
        return gather(whole, subject=subject, pricing=PRICING, records=self._records())

    @cached_property
    def audited(self) -> tuple[AuditRow, ...]:
        """`audit`."""
        storage = self._storage()
        return audit(
            parse_uri(self.run.dataset),
            output_name=None,
            source=storage,
            storage=storage,
            records=self._records(),
            batch=self._batch,
            patterns=PATTERNS,
            now=self.world.now,
        ).rows

    @cached_property
    def dispositions(self) -> list[ScanDisposition]:
        """What `run` finds of earlier runs, this one among them."""
        prior_runs = PriorRuns(
            parse_uri(self.run.output),
            PLATFORM,
            dataset_name=parse_uri(self.run.dataset).name,
            records=self._records(),
            storage=self._storage(),
            batch=self._batch,
            now=self.world.now,
        )
        return prior_runs.dispositions(list(zip(self.run.scans, self.run.keys, strict=True)), prior_runs.runs())

    def _line(self, cache: Cache) -> RunLine:
        records = Records(self._storage(), data_bucket="data", cache=cache, worth_a_summary=1)
        lines = runs(records=records, batch=self._batch, atlases=atlas_table(), now=self.world.now).lines
        return next(line for line in lines if line.run_id == self.run.run_id)

    @property
    def _batch(self) -> Batch:
        return self.world.history.adapter()

    def _storage(self) -> Storage:
        client: Any = self.world.s3.reader()
        return Storage(client)

    def _records(self) -> Records:
        return Records(self._storage(), data_bucket="data", cache=self.world.cached_names, worth_a_summary=1)

    def _snapshots(self) -> SnapshotReader:
        return SnapshotReader(self.run, records=self._records(), batch=self._batch, now=self.world.now)

    def _why(self, pattern: str | None) -> Answer:
        return why(pattern, reader=self._snapshots(), storage=self._storage(), platform=PLATFORM, look=hidden_snapshot)

    def _of_cost(self) -> dict[str, View]:
        adopted = self.cost.adopted.by_scan if self.cost.adopted is not None else {}
        return self._of_bills({**self.cost.own.by_scan, **adopted})

    def _of_bills(self, by_scan: Mapping[int, ScanBill]) -> dict[str, View]:
        # A scan without an attempt is not in the bill.
        return {name: _of_bill(by_scan.get(index)) for index, name in enumerate(self.run.scans)}

    def _of_report(self) -> dict[str, View]:
        views = _of_status(self.report.status)
        attempts = self.report.attempts
        return {
            name: replace(views[name], attempts=_started(attempts.get(index, ())))
            for index, name in enumerate(self.run.scans)
        }


def _of_status(status: RunStatus) -> dict[str, View]:
    bills = [run_bill.by_scan for run_bill in (status.bill, status.adopted_bill) if run_bill is not None]
    by_scan = {index: scan_bill for own in bills for index, scan_bill in own.items()}
    # Scans that were only counted are not among the status's scans.
    views = {name: _of_bill(by_scan.get(index)) for index, name in enumerate(status.run.scans)}
    for scan in status.scans:
        views[scan.name] = replace(views[scan.name], state=scan.state, cause=_cause(scan))
    return views


def _of_detail(detail: ScanDetail) -> View:
    usd = detail.cost.usd if detail.cost else 0.0
    return View(detail.status.state, _started(detail.attempts), _cause(detail.status), usd)


def _of_bill(scan_bill: ScanBill | None) -> View:
    return View(attempts=0, usd=0.0) if scan_bill is None else View(attempts=scan_bill.attempts, usd=scan_bill.usd)


def _of_answer(answer: Answer) -> dict[str, View]:
    # Of the scans that run or are done only the number is told.
    states = {"failed": "FAILED", "cancelled": "FAILED", "waiting": "ACTIVE"}
    return {
        name: View(
            state=states[explanation.kind], cause=explanation.code if states[explanation.kind] == "FAILED" else ""
        )
        for explanation in answer.explanations
        if explanation.kind in states
        for name in explanation.scans
    }


def _of_one_answer(answer: Answer) -> View:
    (state,), (explanation,) = answer.counts, answer.explanations
    return View(state, _started(explanation.attempts), explanation.code if state == "FAILED" else "")


def _of_audit(row: AuditRow) -> View:
    # Of damaged outputs it does not follow what became of the last job; of a missing scan there is no job.
    states = {"complete": "DONE", "inputs changed": "DONE", "in flight": "ACTIVE", "failed": "FAILED"}
    state = {**states, "cancelled": "FAILED"}.get(row.state)
    return View(state=state, cause=None if state is None else row.cause_code)


def _of_disposition(scan: ScanDisposition) -> View:
    # Of damaged outputs it does not follow what became of the last job; of a new scan there is no job.
    states = {"done": "DONE", "in flight": "ACTIVE", "blocked_by_active_job": "ACTIVE", "failed": "FAILED"}
    return View(state=states.get(scan.disposition))


def _cause(scan: ScanStatus) -> str:
    return scan.cause_code if scan.state == "FAILED" else ""


def _started(attempts: Iterable[Attempt]) -> int:
    return sum(attempt.started_at is not None for attempt in attempts)


def _coarse(counts: Mapping[State, int]) -> dict[str, int]:
    active = sum(counts.get(state, 0) for state in ACTIVE)
    return {"DONE": counts.get("DONE", 0), "FAILED": counts.get("FAILED", 0), "ACTIVE": active}


def hidden_snapshot() -> QueueSnapshot:
    """The platform's queue, of which this person may see nothing."""
    hidden = NotVisible("a test's", "test:Look")
    fields: dict[str, Any] = dict.fromkeys(QueueSnapshot.__dataclass_fields__, hidden)
    known = {"vcpus": 2, "memory_mib": 30_400, "is_spot": False, "is_local": False}
    return QueueSnapshot(**{**fields, **known})
