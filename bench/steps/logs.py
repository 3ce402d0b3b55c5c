"""The log lines of 100 streams: opsctl's reader, beside one GetLogEvents for each."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from bench.platform import BenchPlatform
from bench.row import Row, ratio_row, time_in_turn
from bench.server import serving
from bench.server.batch import stream_of
from opsctl.core.location import run_location

_STREAMS = 100
_LINES = 50
_LATENCY_MS = 120
# The plain way makes its calls one after the other: a sample, multiplied, gives the time of all.
_SAMPLE, _QUICK_SAMPLE = 25, 5
_BAR = 1 / 12


def measure(*, quick: bool) -> list[Row]:
    """Read the lines with an empty cache, so that opsctl also asks which scan each stream belongs to."""
    sample = _QUICK_SAMPLE if quick else _SAMPLE
    with serving() as server, tempfile.TemporaryDirectory() as folder:
        bench = BenchPlatform(server.url, Path(folder) / "0", _STREAMS, "data")
        run = bench.submitted()
        prefix = run_location(run.run_id, data_bucket="data").prefix
        for index in range(_STREAMS):
            server.write_lines(stream_of(index), [f"line {number} of scan {index}" for number in range(_LINES)])
        attempts = (
            (f"{prefix}/attempts/{index:05d}.1.{index:08x}.json", _attempt(run.run_id, index))
            for index in range(_STREAMS)
        )
        with bench.storage.putting_bodies("data", attempts) as wait:
            wait()
        client = bench.clients.logs
        pairs = 3 if quick else 5
        # Each has an empty home. The clients are made here, because their making is not part of reading.
        benches = [
            BenchPlatform(server.url, Path(folder) / str(number), _STREAMS, "data") for number in range(pairs + 2)
        ]
        for fresh in benches:
            assert all((fresh.clients.s3, fresh.clients.logs, fresh.clients.batch))
        remaining = iter(benches)
        server.set_latency(_LATENCY_MS)

        def by_opsctl() -> None:
            lines = next(remaining).log_reader(run).lines()
            if len(lines) != _STREAMS * _LINES or len({line.scan for line in lines}) != _STREAMS:
                raise SystemExit(f"opsctl reads {len(lines)} lines.")

        def by_each() -> None:
            count = 0
            for index in range(sample):
                reply = client.get_log_events(
                    logGroupName="/opsctl/bench", logStreamName=stream_of(index), startFromHead=True
                )
                count += len(reply["events"])
            if count != sample * _LINES:
                raise SystemExit(f"GetLogEvents reads {count} lines.")

        by_opsctl()
        server.count()
        by_opsctl()
        calls = server.count()
        ours, each = time_in_turn(pairs, by_opsctl, by_each)
    plain = [seconds * _STREAMS / sample for seconds in each]
    note = (
        f"{_LATENCY_MS} ms a request; {_LINES} lines each; {calls} requests beside {_STREAMS}; "
        f"plain: {sample} calls, times {_STREAMS // sample}"
    )
    return [ratio_row(f"logs of {_STREAMS} streams", ours=ours, plain=plain, bar=_BAR, note=note)]


def _attempt(run_id: str, index: int) -> bytes:
    """An attempt's record, as the job runner writes it at its start."""
    record = {
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
    return json.dumps(record).encode()
