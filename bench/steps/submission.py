"""200 scans on their way: what `run` does after the yes, beside a JSON and a SubmitJob for each."""

from __future__ import annotations

import json
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench.platform import Bench
from bench.row import Row, against, seconds
from bench.server import Server, serving

_SCANS = 200
_LATENCY_MS = 120
_BAR = 1 / 30
# Of the scans that the plain way submits one after the other, a part tells how long all take.
_SAMPLE, _QUICK_SAMPLE = 20, 5


def measure(*, quick: bool) -> list[Row]:
    """Until Batch has accepted all."""
    pairs: list[_Pair] = []
    sample = _QUICK_SAMPLE if quick else _SAMPLE
    with serving(latency_ms=_LATENCY_MS) as server, tempfile.TemporaryDirectory() as folder:
        for number in range(3 if quick else 5):
            bench = Bench(server.url, Path(folder) / str(number), _SCANS, f"data-{number}")
            pairs.append(_pair(bench, server, sample))
    note = (
        f"{_LATENCY_MS} ms a request; {pairs[0].requests} requests beside {2 * _SCANS}; "
        f"{median(one.whole for one in pairs):.1f} s until all is written down; "
        f"plain: {sample} scans, times {_SCANS // sample}"
    )
    ours, plain = [one.ours for one in pairs], [one.plain for one in pairs]
    return [against(f"submit {_SCANS} scans", ours=ours, plain=plain, bar=_BAR, note=note)]


@dataclass(frozen=True)
class _Pair:
    """Seconds until Batch had accepted all, both ways; opsctl's until all was written down, and its requests."""

    ours: float
    plain: float
    whole: float
    requests: int


def _pair(bench: Bench, server: Server, sample: int) -> _Pair:
    made = bench.plan()
    documents = made.documents(made.run(made.dispositions))
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
    whole = seconds(lambda: bench.carry_out(made))
    ours = whole - (time.perf_counter() - bench.batch.accepted_at)
    requests = server.count()
    return _Pair(ours, seconds(by_each) * _SCANS / sample, whole, requests)
