"""A scan of 512 MB on its way into its job: the job's pull, beside one connection."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from bench.job import environment
from bench.row import Row, against, in_turn
from bench.server import serving

_LATENCY_MS = 30
_BAR = 1 / 5


def measure(*, quick: bool) -> list[Row]:
    """The server gives each connection 90 MB/s, about what S3 gives one."""
    size = 512 * 10**6
    uri = f"s3://big/{size}.nii.gz"
    # In memory where there is room: the disk of the machine that measures is not what is measured.
    shared = Path("/dev/shm")
    room = shared if shared.is_dir() and shutil.disk_usage(shared).free > 2 * size else None
    with (
        serving(latency_ms=_LATENCY_MS) as server,
        tempfile.TemporaryDirectory(dir=room) as folder,
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
                for piece in body.iter_chunks(1024 * 1024):
                    file.write(piece)

        ours, plain = in_turn(2 if quick else 5, by_job, by_one_connection)
    note = f"{_LATENCY_MS} ms a request, 90 MB/s a connection"
    return [against(f"pull of a {size // 10**6} MB scan", ours=ours, plain=plain, bar=_BAR, note=note)]
