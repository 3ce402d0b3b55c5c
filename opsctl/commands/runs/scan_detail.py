"""Details of one scan: its inputs, attempts, outputs, cost and the place of its logs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from msgspec import structs

from opsctl.commands.runs.records import Records
from opsctl.commands.runs.run_reader import RunReader
from opsctl.core.costs.bill import ScanBill
from opsctl.core.costs.money import Money, spent
from opsctl.core.location import parse_uri, run_location
from opsctl.core.runs.attempt import Attempt
from opsctl.core.runs.manifest import Origin
from opsctl.core.runs.progress import ScanProgress
from opsctl.core.runs.result import Result
from opsctl.core.runs.snapshot import Pricing, RunSnapshot
from opsctl.core.runs.status import SCHEMA_VERSION, ScanStatus


@dataclass(frozen=True, kw_only=True)
class ScanDetail:
    """Everything that is known of one scan.

    Attributes
    ----------
    run_id
        The run that the user asked about.
    origin
        The run and index of the scan's records: an adopted scan's are in the run that submitted it.
    document
        The scan's JSON as its job reads it; None where it does not exist.
    attempts
        Of all its jobs, oldest first.
    result
        None where there is none.
    kept_uri
        The folder with the logs and QA of its failed attempts.
    cost
        What AWS charges; None where no attempt began, or without prices.
    is_complete
        False where the instance's price is unknown: the cost is then a lower bound.
    progress
        None where it does not run.
    """

    run_id: str
    status: ScanStatus
    origin: Origin
    document: Mapping[str, Any] | None
    attempts: tuple[Attempt, ...]
    result: Result | None
    failures_uri: str
    cost: ScanBill | None
    is_local: bool
    is_complete: bool = True
    progress: ScanProgress | None = None

    @property
    def money(self) -> Money | None:
        """The cost with what it stands for; None where there is none."""
        if self.cost is None:
            return None
        return spent(self.cost.usd, is_local=self.is_local, is_complete=self.is_complete)

    def as_json(self) -> dict[str, Any]:
        """One element of `scans` in `status --scan NAME --json`."""
        document, result = self.document or {}, self.result
        return {
            **self.status.as_json(self.progress),
            "origin": asdict(self.origin),
            "key": document.get("key"),
            "inputs": document.get("inputs", []),
            "output": document.get("output"),
            "attempts": [{**asdict(attempt), "seconds": attempt.seconds} for attempt in self.attempts],
            "outputs": None
            if result is None or not result.succeeded
            else {"files": [structs.asdict(file) for file in result.files], "connectomes": list(result.connectomes)},
            "peak_memory_mib": result.peak_memory_mib if result is not None else None,
            "peak_disk_mib": result.peak_disk_mib if result is not None else None,
            "kept": self.failures_uri,
            "cost": None
            if self.cost is None or self.money is None
            else {**self.money.as_json(), "hours": self.cost.hours},
        }


def scan_details(snapshot: RunSnapshot, *, records: Records, pricing: Pricing | None) -> list[ScanDetail]:
    """Everything about the scans that a snapshot shows one by one.

    Parameters
    ----------
    pricing
        None: the details say nothing of money.
    """
    run = snapshot.run
    bills = snapshot.bill_by_scan(pricing.rates) if pricing is not None else {}
    # The data bucket holds outputs and records, whichever bucket the dataset is in.
    data_bucket = parse_uri(run.output).bucket
    details = []
    reader = RunReader(run, records=records)
    for scan in snapshot.status.scans:
        origin = run.origin(scan.index)
        folder = run_location(origin.run_id, data_bucket=data_bucket).uri
        details.append(
            ScanDetail(
                run_id=run.run_id,
                status=scan,
                origin=origin,
                document=records.document(origin.run_id, origin.index),
                attempts=snapshot.attempts.get(scan.index, ()),
                result=reader.result(scan.index),
                failures_uri=f"{folder}/failures/{origin.index:05d}/",
                cost=bills.get(scan.index),
                is_local=pricing is not None and pricing.is_local,
                is_complete=pricing is None or pricing.rates.is_complete,
                progress=snapshot.status.progress.get(scan.index),
            )
        )
    return details


def details_json(details: list[ScanDetail]) -> dict[str, Any]:
    """What `status --scan NAME --json` prints."""
    return {
        "schema_version": SCHEMA_VERSION,
        "run_id": details[0].run_id,
        "scans": [detail.as_json() for detail in details],
    }
