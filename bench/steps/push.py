"""The upload of one scan's 300 outputs: the job's push, beside one PUT after the other."""

from __future__ import annotations

import base64
import hashlib
import os
import tempfile
from pathlib import Path
from typing import Any

from bench.job import environment
from bench.row import Row, ratio_row, time_in_turn
from bench.server import serving

_FILES = 300
_FILE_BYTES = 40_000
_LATENCY_MS = 30
# The plain way sends its files one after the other: a sample, multiplied, gives the time of all.
_SAMPLE, _QUICK_SAMPLE = 60, 15
_BAR = 1 / 10


def measure(*, quick: bool) -> list[Row]:
    """Both let S3 verify checksums. The job's push ends with a listing that shows that no other job wrote."""
    sample = _QUICK_SAMPLE if quick else _SAMPLE
    with serving(latency_ms=_LATENCY_MS) as server, tempfile.TemporaryDirectory() as folder, environment(server.url):
        from m2g_job import outputs
        from m2g_job.s3 import S3, bucket_and_key, make_client

        files = []
        for number in range(_FILES):
            key = f"connectomes_d/atlas-{number % 30}/{number}.csv"
            path = Path(folder) / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(os.urandom(_FILE_BYTES))
            files.append(outputs.Output(str(path), key))
        client = make_client()
        s3 = S3(client)

        def by_job() -> None:
            pushed = outputs.push(s3, files, "s3://data/ours", guard=lambda: None)
            outputs.verify(s3, pushed, "s3://data/ours")

        def by_each() -> None:
            for file in files[:sample]:
                data = Path(file.path).read_bytes()
                target: dict[str, Any] = bucket_and_key(f"s3://data/plain/{file.key}")
                client.put_object(
                    Body=data, ChecksumSHA256=base64.b64encode(hashlib.sha256(data).digest()).decode(), **target
                )

        by_job()
        ours, each = time_in_turn(3 if quick else 5, by_job, by_each)
    plain = [seconds * _FILES / sample for seconds in each]
    note = f"{_LATENCY_MS} ms a request, {_FILE_BYTES // 1000} kB each; plain: {sample} files, times {_FILES // sample}"
    return [ratio_row(f"push of {_FILES} outputs", ours=ours, plain=plain, bar=_BAR, note=note)]
