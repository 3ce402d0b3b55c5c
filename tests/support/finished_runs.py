"""Runs with finished scans, as records on S3: what the times of later runs are measured by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from opsctl.aws.s3.storage import Storage
from opsctl.commands.runs.records import Records
from opsctl.core.runs.manifest import Run, timestamp
from support import core_examples
from support.memory_s3 import MemoryS3
from support.record_examples import outputs_of

MOMENT = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)


class FinishedRuns:
    """A data bucket in memory with the records of runs."""

    def __init__(self) -> None:
        client: Any = MemoryS3("data", now=lambda: MOMENT)
        self._storage = Storage(client)
        self.records = Records(self._storage, data_bucket="data")

    def add(self, run_id: str, minutes: Sequence[float], **changes: Any) -> Run:
        """Add a run whose scans took these times, half a minute of each for inputs and outputs."""
        run = replace(core_examples.run(len(minutes), resources="csd", model="csd"), run_id=run_id, **changes)
        self.records.put_run(run, {})
        for index, duration in enumerate(minutes):
            scan = run.scans[index]
            value = {
                "schema_version": 1,
                "run_id": run_id,
                "index": index,
                "scan": scan,
                "key": run.keys[index],
                "status": "succeeded",
                "cause": "",
                "exit_code": 0,
                "attempt": 1,
                "started_at": timestamp(MOMENT),
                "stopped_at": timestamp(MOMENT + timedelta(minutes=duration)),
                "seconds": {"pull": 20.0, "m2g": 60 * duration - 30, "push": 10.0},
                "peak_memory_mib": 1,
                "outputs": outputs_of(scan, run.output),
                "image": "i",
                "job_id": f"array:{index}",
                "log_stream": "",
            }
            self._storage.put_json("data", f"opsctl/runs/{run_id}/results/{index:05d}.json", value)
        return run
