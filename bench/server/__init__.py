"""A server process for S3, Batch and CloudWatch Logs that answers with a given latency.

It must not limit what is measured, so it has one event loop, no threads, and renders each listing once.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

_ROOT = Path(__file__).resolve().parents[2]


class Server:
    """The running server, and the requests that control it."""

    def __init__(self, url: str) -> None:
        self.url = url

    def set_latency(self, milliseconds: float) -> None:
        """Set the latency of every reply from now on."""
        self._control({"latency_ms": milliseconds})

    def count(self) -> int:
        """The number of requests since the last call of this method."""
        return int(self._control({"count": True})["count"])

    def finish(self, bucket: str, run_id: str, job_id: str) -> None:
        """Write the records that a run's jobs leave behind, and let every job of Batch be over."""
        self._control({"done": {"bucket": bucket, "run_id": run_id, "job_id": job_id}})

    def write_lines(self, stream: str, lines: list[str]) -> None:
        """Write log lines with the present time."""
        self._control({"stream": stream, "lines": lines})

    def _control(self, settings: dict[str, Any]) -> Any:
        with urlopen(Request(f"{self.url}/_bench", data=json.dumps(settings).encode())) as reply:
            return json.load(reply)


@contextmanager
def serving(*, latency_ms: float = 0) -> Iterator[Server]:
    """Start the process, yield its controls, and end it."""
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    with subprocess.Popen(
        [sys.executable, "-m", "bench.server"],
        cwd=_ROOT,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            server = Server(f"http://127.0.0.1:{int(process.stdout.readline())}")
            server.set_latency(latency_ms)
            yield server
        finally:
            process.terminate()
