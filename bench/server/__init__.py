"""S3, Batch and CloudWatch Logs as the measurements need them: a process that answers at a stated latency.

It must not be what is measured: one event loop, no thread a request, listings rendered once.
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
    """The running server, and the levers that only the bench has."""

    def __init__(self, url: str) -> None:
        self.url = url

    def set_latency(self, milliseconds: float) -> None:
        """Every request from now on is answered so much later."""
        self._ask({"latency_ms": milliseconds})

    def count(self) -> int:
        """How many requests came since the last time that this was asked."""
        return int(self._ask({"count": True})["count"])

    def say(self, stream: str, lines: list[str]) -> None:
        """Write log lines now."""
        self._ask({"stream": stream, "lines": lines})

    def _ask(self, settings: dict[str, Any]) -> Any:
        with urlopen(Request(f"{self.url}/_bench", data=json.dumps(settings).encode())) as reply:
            return json.load(reply)


@contextmanager
def serving(*, latency_ms: float = 0) -> Iterator[Server]:
    """Start the process, give its levers, end it."""
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
