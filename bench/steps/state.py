"""Where 10,000 scans stand: opsctl's poll, beside a DescribeJobs for each."""

from __future__ import annotations

import tempfile
from pathlib import Path

from bench.platform import Bench
from bench.row import Row, against, in_turn
from bench.server import serving

_SCANS = 10_000
_LATENCY_MS = 120
_BAR = 1 / 100
# Of the calls that the plain way makes one after the other, a part tells how long all take.
_SAMPLE, _QUICK_SAMPLE = 20, 10
_IDS_A_CALL = 100


def measure(*, quick: bool) -> list[Row]:
    """Each poll is a new process's first: nothing is known from an earlier one."""
    sample = _QUICK_SAMPLE if quick else _SAMPLE
    with serving() as server, tempfile.TemporaryDirectory() as folder:
        bench = Bench(server.url, Path(folder), _SCANS, "data")
        run = bench.submitted()
        (submission,) = bench.records.submissions(run.run_id)
        ids = [submission.child_id(index) for index in range(_SCANS)]
        client = bench.clients.batch
        server.set_latency(_LATENCY_MS)

        def by_opsctl() -> None:
            found = bench.states(run).states()
            if sum(found.counts.values()) != _SCANS:
                raise SystemExit(f"opsctl counts {found.counts}.")

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
        ours, each, hundreds = in_turn(3 if quick else 5, by_opsctl, by_each, by_hundreds)
    return [
        against(
            f"state of {_SCANS:,} scans",
            ours=ours,
            plain=[one * _SCANS / sample for one in each],
            peer=[one * _SCANS / (sample * 10) for one in hundreds],
            bar=_BAR,
            note=f"{_LATENCY_MS} ms a request; {calls} requests, 1 of them Batch's; plain: {sample} calls, times "
            f"{_SCANS // sample}; peer: {_IDS_A_CALL} ids a call",
        )
    ]
