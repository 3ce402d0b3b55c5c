"""The delay of a followed log line, from its writing to the screen: opsctl and the AWS CLI, both at once."""

from __future__ import annotations

import os
import pty
import random
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median

from bench import peers
from bench.platform import BenchPlatform, platform_of
from bench.row import Row, absolute_row, ratio_row
from bench.server import serving
from bench.server.batch import stream_of
from opsctl.aws.clients import NO_KEY
from opsctl.home import Home

_SCANS = 4
_LATENCY_MS = 120
_BAR = 1 / 2
_STEP = "delay of a followed line"
_TIMEOUT_SECONDS = 60

# `aws logs tail` of version 2, as a plugin for version 1, which the package index has.
_PLUGIN = "[plugins]\nlogs-tail = awscli_plugin_logs_tail\n"


class _Terminal:
    """A process in a terminal, and the time at which each mark first appeared in its output."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self.seen_at: dict[str, float] = {}
        self._arrived = threading.Condition()
        self._master, terminal = pty.openpty()
        self.process = subprocess.Popen(command, env=environment, stdin=terminal, stdout=terminal, stderr=terminal)
        os.close(terminal)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        text = ""
        while True:
            try:
                data = os.read(self._master, 65536)
            except OSError:  # on Linux, the end of the terminal's output
                return
            if not data:
                return
            now, text = time.perf_counter(), text + data.decode(errors="replace")
            with self._arrived:
                for mark in re.findall(r"mark-\d+", text):
                    self.seen_at.setdefault(mark, now)
                self._arrived.notify_all()
            text = text[-20:]

    def wait(self, mark: str) -> float:
        """Wait for a mark; return when it appeared."""
        with self._arrived:
            if not self._arrived.wait_for(lambda: mark in self.seen_at, timeout=_TIMEOUT_SECONDS):
                raise SystemExit(f"{mark} never came: {self.process.args!r}")
            return self.seen_at[mark]

    def close(self) -> None:
        self.process.terminate()
        self.process.wait()
        self._reader.join()
        os.close(self._master)


def measure(*, quick: bool) -> list[Row]:
    """Write lines at random times, so that none coincides with a poll; a run's figure is the median delay."""
    with serving() as server, tempfile.TemporaryDirectory() as folder:
        bench = BenchPlatform(server.url, Path(folder) / "making", _SCANS, "data")
        run = bench.submitted()
        home = Home(Path(folder) / "home")
        home.keep(platform_of(None, data_bucket="data"))
        server.set_latency(_LATENCY_MS)
        with _following(server.url, Path(folder), home.path, run.run_id) as terminals:
            # The first line shows that both follow.
            server.write_lines(stream_of(0), ["mark-0"])
            for terminal in terminals:
                terminal.wait("mark-0")
            randomness = random.Random(7)
            written_at: dict[str, float] = {}
            for number in range(1, 11 if quick else 21):
                time.sleep(randomness.uniform(0.2, 2.2))
                written_at[f"mark-{number}"] = time.perf_counter()
                server.write_lines(stream_of(number % _SCANS), [f"mark-{number}"])
            delays = [[terminal.wait(mark) - written for mark, written in written_at.items()] for terminal in terminals]
    note = f"{len(delays[0])} lines at odd moments, {_LATENCY_MS} ms a request; medians of delays"
    if len(delays) == 1:
        return [absolute_row(_STEP, ours=delays[0], bar=1.5, note=f"{note}; {peers.UNAVAILABLE}")]
    # A pair is a fifth of the lines: both tools followed the same lines at the same time.
    ours, theirs = ([median(tool_delays[part::5]) for part in range(5)] for tool_delays in delays)
    return [ratio_row(f"{_STEP}, beside aws logs tail", ours=ours, peer=theirs, bar=_BAR, note=note)]


@contextmanager
def _following(url: str, folder: Path, home: Path, run_id: str) -> Iterator[list[_Terminal]]:
    config = folder / "config"
    config.write_text("")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "OPSCTL_"))}
    common = {
        **inherited,
        **NO_KEY,
        "AWS_ENDPOINT_URL": url,
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    common |= {"AWS_CONFIG_FILE": str(config), "TERM": "xterm", "COLUMNS": "120"}
    aws = peers.path("aws")
    with ExitStack() as stack:
        ours = [sys.executable, "-m", "opsctl", "logs", "--follow", "--run", run_id]
        terminals = [_Terminal(ours, {**common, "OPSCTL_HOME": str(home), "OPSCTL_CONFIG": os.devnull})]
        stack.callback(terminals[0].close)
        if aws is not None:
            config.write_text(_PLUGIN)
            theirs = [str(aws), "logs", "tail", "/opsctl/bench", "--follow", "--format", "short"]
            terminals.append(_Terminal(theirs, common))
            stack.callback(terminals[1].close)
        yield terminals
