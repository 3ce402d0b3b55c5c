"""What a running scan is doing and what is left: the same in every view of the run, and only where it is known."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import jsonschema
import pytest
from support.batch_world import (
    PRICING,
    BatchWorld,
    Child,
    MemoryRecords,
    made_result,
    made_run,
    snapshots_of,
    status_of,
    submitted,
)
from support.repository import ROOT

from opsctl.commands.runs.scan_detail import details_json, scan_details
from opsctl.core.runs.attempt import Attempt
from opsctl.core.runs.phase import Phase

SCHEMA = json.loads((ROOT / "docs/status.schema.json").read_text())
#: The snapshots are taken at 14:00.
STARTED = "2026-11-22T13:20:00Z"
GRAPHS = Phase(name="graphs", started_at="2026-11-22T13:55:00Z", number=12, count=45)


def world(*statuses: str, minutes: tuple[int, ...] = (), **attempt: Any) -> tuple[MemoryRecords, Any]:
    """A run whose scan 0 has an attempt that began 40 minutes ago; after it, scans that took so many minutes."""
    batch, records = BatchWorld(), MemoryRecords()
    batch.arrays["p"] = [Child(status) for status in (*statuses, *("SUCCEEDED" for _ in minutes))]
    run = made_run(len(batch.arrays["p"]))
    ends = [datetime.fromisoformat(STARTED) + timedelta(minutes=took) for took in minutes]
    done = [
        made_result(index, started_at=STARTED, stopped_at=f"{end:%Y-%m-%dT%H:%M:%SZ}")
        for index, end in enumerate(ends, start=len(statuses))
    ]
    records.add(run, submitted(run), results=done)
    fields = {"index": 0, "number": 1, "job_id": "p:0", "started_at": STARTED, "phase": GRAPHS, **attempt}
    records.recorded_attempts[run.run_id] = [Attempt(**fields)]
    return records, snapshots_of(run, records, batch.adapter)


@pytest.mark.parametrize("view", ["progress", "whole"])
@pytest.mark.parametrize(
    ("minutes", "remaining"),
    [((), None), ((65,), 25 * 60), ((50, 60, 90), 20 * 60), ((39,), None)],
    ids=["none has finished", "one has", "three have", "they were faster"],
)
def test_what_is_left_follows_from_the_scans_that_have_finished(
    minutes: tuple[int, ...], remaining: float | None, view: str
) -> None:
    _, reader = world("RUNNING", "RUNNABLE", minutes=minutes)
    (progress,) = status_of(reader, view).progress.values()
    assert (progress.scan, progress.phase, progress.seconds) == ("sub-00000", GRAPHS, 40 * 60)
    assert progress.remaining_seconds == (pytest.approx(remaining) if remaining else None)


@pytest.mark.parametrize("view", ["progress", "whole"])
@pytest.mark.parametrize("status", ["RUNNABLE", "STARTING", "SUCCEEDED", "FAILED"])
def test_a_scan_that_does_not_run_has_no_progress(status: str, view: str) -> None:
    _, reader = world(status, stopped_at="2026-11-22T13:40:00Z", exit_code=75)
    assert status_of(reader, view).progress == {}


def test_a_result_ends_the_progress() -> None:
    records, reader = world("RUNNING")
    records.written[reader.run.run_id] = {0: made_result(0, job_id="p:0")}
    status = status_of(reader, "whole")
    assert (status.scans[0].state, status.progress) == ("DONE", {})


def test_json_has_the_progress_in_both_of_its_forms() -> None:
    records, reader = world("RUNNING", "RUNNABLE", minutes=(65,))
    running, waiting, _ = status_of(reader, "whole").as_json()["scans"]
    assert running["phase"] == {"name": "graphs", "started_at": "2026-11-22T13:55:00Z", "number": 12, "count": 45}
    assert (running["running_seconds"], running["remaining_seconds"]) == (2400, 1500)
    assert (waiting["phase"], waiting["running_seconds"], waiting["remaining_seconds"]) == (None, None, None)
    document = details_json(scan_details(reader.scans([0]), records=records, pricing=PRICING))  # type: ignore[arg-type]
    jsonschema.validate(document, SCHEMA)
    (detail,) = document["scans"]
    assert {name: detail[name] for name in ("phase", "running_seconds", "remaining_seconds")} == {
        name: running[name] for name in ("phase", "running_seconds", "remaining_seconds")
    }
    assert detail["attempts"][0]["phase"] == running["phase"]
