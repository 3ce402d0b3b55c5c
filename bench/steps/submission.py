"""The submission of 200 scans: what `run` does after the confirmation, beside a JSON and a SubmitJob for each."""

from __future__ import annotations

import json
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench.platform import BenchPlatform
from bench.row import Row, ratio_row, time_call
from bench.server import Server, serving

_SCANS = 200
_LATENCY_MS = 120
_BAR = 1 / 30
# The plain way submits its scans one after the other: a sample, multiplied, gives the time of all.
_SAMPLE, _QUICK_SAMPLE = 20, 5


def measure(*, quick: bool) -> list[Row]:
    """Measure until Batch has accepted all scans."""
    pairs: list[_Pair] = []
    sample = _QUICK_SAMPLE if quick else _SAMPLE
    with serving(latency_ms=_LATENCY_MS) as server, tempfile.TemporaryDirectory() as folder:
        for number in range(3 if quick else 5):
            bench = BenchPlatform(server.url, Path(folder) / str(number), _SCANS, f"data-{number}")
            pairs.append(_pair(bench, server, sample))
    note = (
        f"{_LATENCY_MS} ms a request; {pairs[0].requests} requests beside {2 * _SCANS}; "
        f"{median(pair.whole for pair in pairs):.1f} s until all is written down; "
        f"plain: {sample} scans, times {_SCANS // sample}"
    )
    ours, plain = [pair.ours for pair in pairs], [pair.plain for pair in pairs]
    return [ratio_row(f"submit {_SCANS} scans", ours=ours, plain=plain, bar=_BAR, note=note)]


@dataclass(frozen=True)
class _Pair:
    """One pair of runs.

    Attributes
    ----------
    ours, plain
        Seconds until Batch had accepted all scans.
    whole, requests
        Seconds until opsctl had written all records, and the number of its requests.
    """

    ours: float
    plain: float
    whole: float
    requests: int


def _pair(bench: BenchPlatform, server: Server, sample: int) -> _Pair:
    run_plan = bench.plan()
    documents = run_plan.documents(run_plan.run(run_plan.dispositions))
    s3, batch = bench.clients.s3, bench.clients.batch

    def by_each() -> None:
        for index, document in list(documents.items())[:sample]:
            s3.put_object(Bucket="plain", Key=f"{index}.json", Body=json.dumps(document).encode())
            batch.submit_job(
                jobName=f"plain-{index}",
                jobQueue="queue",
                jobDefinition="definition:1",
                containerOverrides={"environment": [{"name": "SCAN", "value": f"s3://plain/{index}.json"}]},
            )

    server.count()
    whole = time_call(lambda: bench.carry_out(run_plan))
    ours = whole - (time.perf_counter() - bench.batch.accepted_at)
    requests = server.count()
    return _Pair(ours, time_call(by_each) * _SCANS / sample, whole, requests)
