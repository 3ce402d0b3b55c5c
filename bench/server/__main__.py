"""`python -m bench.server`: prints its port, and serves until its standard input ends."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from bench.server.batch import Batch
from bench.server.dataset import output_keys, scans_of
from bench.server.done import records
from bench.server.http import Connection, Reply, Request, Settings
from bench.server.logs import Logs
from bench.server.s3 import S3


class _Services:
    """Passes a request to its service; the bench's own requests have no latency and are not counted."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._s3, self._batch, self._logs = S3(), Batch(), Logs()

    def answer(self, request: Request) -> Reply:
        if request.path == "/_bench":
            return self._configure(json.loads(request.body))
        if "x-amz-target" in request.headers:
            return self._logs.answer(request)
        if request.path.startswith("/v1/"):
            return self._batch.answer(request)
        return self._s3.answer(request)

    def _configure(self, settings: dict[str, Any]) -> Reply:
        count, self._settings.count = self._settings.count, 0
        if "latency_ms" in settings:
            self._settings.latency_seconds = float(settings["latency_ms"]) / 1000
        if "done" in settings:
            bucket, run_id, job_id = (settings["done"][name] for name in ("bucket", "run_id", "job_id"))
            run = json.loads(self._s3.read(bucket, f"opsctl/runs/{run_id}/run.json"))
            self._s3.write(bucket, records(bucket, run, job_id))
            scans = scans_of(len(run["scans"]))
            self._s3.publish(bucket, [key for scan in scans for key in output_keys(scan)])
            self._batch.status = "SUCCEEDED"
        if "stream" in settings:
            self._logs.write_lines(settings["stream"], settings["lines"])
        return Reply.json({"count": count})


async def _serve() -> None:
    settings = Settings()
    services = _Services(settings)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(services.answer, settings), "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    # The parent holds the other end of stdin: this process ends with it, however the parent ends.
    await loop.run_in_executor(None, sys.stdin.read)


asyncio.run(_serve())
