"""The lines of 100 log streams: opsctl's reader, beside a GetLogEvents for each."""

from __future__ import annotations

import tempfile
from pathlib import Path

from bench.platform import Bench
from bench.row import Row, against, in_turn
from bench.server import serving
from bench.server.batch import stream_of
from opsctl.core.location import run_location

_STREAMS = 100
_LINES = 50
_LATENCY_MS = 120
# Of the calls that the plain way makes one after the other, a part tells how long all take.
_SAMPLE, _QUICK_SAMPLE = 25, 5
_BAR = 1 / 12


def measure(*, quick: bool) -> list[Row]:
    """Each read is the first on its machine: whose streams they are is asked too."""
    sample = _QUICK_SAMPLE if quick else _SAMPLE
    with serving() as server, tempfile.TemporaryDirectory() as folder:
        bench = Bench(server.url, Path(folder) / "0", _STREAMS, "data")
        run = bench.submitted()
        place = run_location(run.run_id, data_bucket="data").prefix
        for index in range(_STREAMS):
            server.say(stream_of(index), [f"line {number} of scan {index}" for number in range(_LINES)])
        attempts = {f"{place}/attempts/{i:05d}.1.{i:08x}.json": _attempt(run.run_id, i) for i in range(_STREAMS)}
        with bench.storage.putting_jsons("data", attempts) as wait:
            wait()
        client = bench.clients.logs
        pairs = 3 if quick else 5
        # Empty homes; making the clients is no part of reading, on either side.
        others = [Bench(server.url, Path(folder) / str(number), _STREAMS, "data") for number in range(pairs + 2)]
        for one in others:
            assert all((one.clients.s3, one.clients.logs, one.clients.batch))
        fresh = iter(others)
        server.set_latency(_LATENCY_MS)

        def by_opsctl() -> None:
            lines = next(fresh).log_reader(run).lines()
            if len(lines) != _STREAMS * _LINES or len({line.scan for line in lines}) != _STREAMS:
                raise SystemExit(f"opsctl reads {len(lines)} lines.")

        def by_each() -> None:
            found = 0
            for index in range(sample):
                reply = client.get_log_events(
                    logGroupName="/opsctl/bench", logStreamName=stream_of(index), startFromHead=True
                )
                found += len(reply["events"])
            if found != sample * _LINES:
                raise SystemExit(f"GetLogEvents reads {found} lines.")

        by_opsctl()
        server.count()
        by_opsctl()
        calls = server.count()
        ours, each = in_turn(pairs, by_opsctl, by_each)
    plain = [one * _STREAMS / sample for one in each]
    note = (
        f"{_LATENCY_MS} ms a request; {_LINES} lines each; {calls} requests, most of them at once, beside {_STREAMS}; "
        f"plain: {sample} calls, times {_STREAMS // sample}"
    )
    return [against(f"logs of {_STREAMS} streams", ours=ours, plain=plain, bar=_BAR, note=note)]


def _attempt(run_id: str, index: int) -> dict[str, object]:
    """What a job's runner writes down as it starts."""
    return {
        "schema_version": 1,
        "run_id": run_id,
        "index": index,
        "attempt": 1,
        "job_id": f"job:{index}",
        "started_at": "2026-01-02T03:04:05Z",
        "stopped_at": None,
        "exit_code": None,
        "cause": "",
        "log_stream": stream_of(index),
    }
