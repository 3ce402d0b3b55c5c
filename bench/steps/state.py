"""The states of 10,000 scans: opsctl's poll, beside one DescribeJobs for each."""

from __future__ import annotations

import tempfile
from pathlib import Path

from bench.platform import BenchPlatform
from bench.row import Row, ratio_row, time_in_turn
from bench.server import serving

_SCANS = 10_000
_LATENCY_MS = 120
_BAR = 1 / 100
# The plain way makes its calls one after the other: a sample, multiplied, gives the time of all.
_SAMPLE, _QUICK_SAMPLE = 20, 10
_IDS_A_CALL = 100


def measure(*, quick: bool) -> list[Row]:
    """Measure the first poll of a process, which knows nothing from an earlier one."""
    sample = _QUICK_SAMPLE if quick else _SAMPLE
    with serving() as server, tempfile.TemporaryDirectory() as folder:
        bench = BenchPlatform(server.url, Path(folder), _SCANS, "data")
        run = bench.submitted()
        (submission,) = bench.records.submissions(run.run_id)
        ids = [submission.child_id(index) for index in range(_SCANS)]
        client = bench.clients.batch
        server.set_latency(_LATENCY_MS)

        def by_opsctl() -> None:
            states = bench.snapshots(run).counts()
            if sum(states.counts.values()) != _SCANS:
                raise SystemExit(f"opsctl counts {states.counts}.")

        def by_each() -> None:
            for job_id in ids[:sample]:
                client.describe_jobs(jobs=[job_id])

        def by_hundreds() -> None:
            for start in range(0, sample * _IDS_A_CALL // 10, _IDS_A_CALL):
                client.describe_jobs(jobs=ids[start : start + _IDS_A_CALL])

        by_opsctl()
        server.count()
        by_opsctl()
        calls = server.count()
        ours, each, hundreds = time_in_turn(3 if quick else 5, by_opsctl, by_each, by_hundreds)
    return [
        ratio_row(
            f"state of {_SCANS:,} scans",
            ours=ours,
            plain=[seconds * _SCANS / sample for seconds in each],
            peer=[seconds * _SCANS / (sample * 10) for seconds in hundreds],
            bar=_BAR,
            note=f"{_LATENCY_MS} ms a request; {calls} requests, 1 of them Batch's; plain: {sample} calls, times "
            f"{_SCANS // sample}; peer: {_IDS_A_CALL} ids a call",
        )
    ]
