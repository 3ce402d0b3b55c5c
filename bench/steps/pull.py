"""The download of a 512 MB scan: the job's pull, beside one connection."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from bench.job import environment
from bench.row import Row, ratio_row, time_in_turn
from bench.server import serving

_LATENCY_MS = 30
_BAR = 1 / 5


def measure(*, quick: bool) -> list[Row]:
    """The server gives each connection 90 MB/s, about as much as S3."""
    size = 512 * 10**6
    uri = f"s3://big/{size}.nii.gz"
    # In memory where it fits, so that this machine's disk does not limit the speed.
    memory = Path("/dev/shm")
    parent = memory if memory.is_dir() and shutil.disk_usage(memory).free > 2 * size else None
    with (
        serving(latency_ms=_LATENCY_MS) as server,
        tempfile.TemporaryDirectory(dir=parent) as folder,
        environment(server.url),
    ):
        from m2g_job.s3 import S3, bucket_and_key, make_client

        client = make_client()
        s3 = S3(client)
        target = Path(folder) / "scan.nii.gz"

        def by_job() -> None:
            s3.download(uri, str(target), on_bytes=lambda _count: None)

        def by_one_connection() -> None:
            body = client.get_object(**bucket_and_key(uri))["Body"]
            with target.open("wb") as file:
                for block in body.iter_chunks(1024 * 1024):
                    file.write(block)

        ours, plain = time_in_turn(2 if quick else 5, by_job, by_one_connection)
    note = f"{_LATENCY_MS} ms a request, 90 MB/s a connection"
    return [ratio_row(f"pull of a {size // 10**6} MB scan", ours=ours, plain=plain, bar=_BAR, note=note)]
