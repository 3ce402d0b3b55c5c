"""300 outputs of one scan on their way to S3: the job's push, beside one after the other."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path
from typing import Any

from bench.job import environment
from bench.row import Row, against, in_turn
from bench.server import serving

_FILES = 300
_FILE_BYTES = 40_000
_LATENCY_MS = 30
# Of the files that the plain way sends one after the other, a part tells how long all take.
_SAMPLE, _QUICK_SAMPLE = 60, 15
_BAR = 1 / 10


def measure(*, quick: bool) -> list[Row]:
    """Both let S3 compare checksums. The job's push ends with a listing: each object still is its own."""
    sample = _QUICK_SAMPLE if quick else _SAMPLE
    with serving(latency_ms=_LATENCY_MS) as server, tempfile.TemporaryDirectory() as folder, environment(server.url):
        from m2g_job import outputs
        from m2g_job.s3 import S3, bucket_and_key, make_client

        for number in range(_FILES):
            path = Path(folder) / f"connectomes_d/atlas-{number % 30}/{number}.csv"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(os.urandom(_FILE_BYTES))
        files = outputs.collect(folder, made_up_session=False)
        client = make_client()
        s3 = S3(client)

        def by_job() -> None:
            pushed = outputs.push(s3, files, "s3://data/ours", guard=lambda: None)
            outputs.verify(s3, pushed, "s3://data/ours")

        def by_each() -> None:
            for one in files[:sample]:
                data = Path(one.path).read_bytes()
                place: dict[str, Any] = bucket_and_key(f"s3://data/plain/{one.key}")
                client.put_object(Body=data, ChecksumSHA256=_base64(hashlib.sha256(data).digest()), **place)

        by_job()
        ours, each = in_turn(3 if quick else 5, by_job, by_each)
    plain = [one * _FILES / sample for one in each]
    note = f"{_LATENCY_MS} ms a request, {_FILE_BYTES // 1000} kB each; plain: {sample} files, times {_FILES // sample}"
    return [against(f"push of {_FILES} outputs", ours=ours, plain=plain, bar=_BAR, note=note)]


def _base64(digest: bytes) -> str:
    import base64

    return base64.b64encode(digest).decode()
