"""A line is written: when does it stand on the screen of who follows? opsctl beside the AWS CLI, both at once."""

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
from bench.platform import Bench, platform_of
from bench.row import Row, against, alone
from bench.server import serving
from bench.server.batch import stream_of
from opsctl.core.platform.platform import LOCAL_CREDENTIALS
from opsctl.home import Home

_SCANS = 4
_LATENCY_MS = 120
_BAR = 1 / 2
_STEP = "delay of a followed line"
_PATIENCE_SECONDS = 60

# AWS's own `logs tail` of version 2, as a plugin for the version that the package index has.
_PLUGIN = "[plugins]\nlogs-tail = awscli_plugin_logs_tail\n"


class _Screen:
    """A process in a terminal, and when each mark first stood on it."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self.seen: dict[str, float] = {}
        self._arrived = threading.Condition()
        self._end, theirs = pty.openpty()
        self.process = subprocess.Popen(command, env=environment, stdin=theirs, stdout=theirs, stderr=theirs)
        os.close(theirs)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        rest = ""
        while True:
            try:
                data = os.read(self._end, 65536)
            except OSError:  # Linux's word for the end of a terminal
                return
            if not data:
                return
            now, rest = time.perf_counter(), rest + data.decode(errors="replace")
            with self._arrived:
                for mark in re.findall(r"mark-\d+", rest):
                    self.seen.setdefault(mark, now)
                self._arrived.notify_all()
            rest = rest[-20:]

    def wait(self, mark: str) -> float:
        """When it came."""
        with self._arrived:
            if not self._arrived.wait_for(lambda: mark in self.seen, timeout=_PATIENCE_SECONDS):
                raise SystemExit(f"{mark} never came: {self.process.args}")
            return self.seen[mark]

    def close(self) -> None:
        self.process.terminate()
        self.process.wait()
        self._reader.join()
        os.close(self._end)


def measure(*, quick: bool) -> list[Row]:
    """Lines at odd moments, so that no poll is met by chance; the delay's median over all of them is a run's p50."""
    with serving() as server, tempfile.TemporaryDirectory() as folder:
        bench = Bench(server.url, Path(folder) / "making", _SCANS, "data")
        run = bench.submitted()
        home = Home(Path(folder) / "home")
        home.keep(platform_of(None, data_bucket="data"))
        server.set_latency(_LATENCY_MS)
        with _following(server.url, Path(folder), home.path, run.run_id) as screens:
            # The first line waits until both are there.
            server.say(stream_of(0), ["mark-0"])
            for screen in screens:
                screen.wait("mark-0")
            chance = random.Random(7)
            said: dict[str, float] = {}
            for number in range(1, 11 if quick else 21):
                time.sleep(chance.uniform(0.2, 2.2))
                said[f"mark-{number}"] = time.perf_counter()
                server.say(stream_of(number % _SCANS), [f"mark-{number}"])
            found = [[screen.wait(mark) - moment for mark, moment in said.items()] for screen in screens]
    note = f"{len(found[0])} lines at odd moments, {_LATENCY_MS} ms a request; medians of delays"
    if len(found) == 1:
        return [alone(_STEP, ours=found[0], bar=1.5, note=f"{note}; {peers.NOT_THERE}")]
    # Pairs of runs are pairs of fifths: both followed the same lines in the same seconds.
    ours, theirs = ([median(one[part::5]) for part in range(5)] for one in found)
    return [against(f"{_STEP}, beside aws logs tail", ours=ours, peer=theirs, bar=_BAR, note=note)]


@contextmanager
def _following(url: str, folder: Path, home: Path, run_id: str) -> Iterator[list[_Screen]]:
    config = folder / "config"
    config.write_text("")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "OPSCTL_"))}
    common = {
        **kept,
        **LOCAL_CREDENTIALS,
        "AWS_ENDPOINT_URL": url,
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    common |= {"AWS_CONFIG_FILE": str(config), "TERM": "xterm", "COLUMNS": "120"}
    aws = peers.path("aws")
    with ExitStack() as stack:
        ours = [sys.executable, "-m", "opsctl", "logs", "--follow", "--run", run_id]
        screens = [_Screen(ours, {**common, "OPSCTL_HOME": str(home), "OPSCTL_CONFIG": os.devnull})]
        stack.callback(screens[0].close)
        if aws is not None:
            config.write_text(_PLUGIN)
            theirs = [str(aws), "logs", "tail", "/opsctl/bench", "--follow", "--format", "short"]
            screens.append(_Screen(theirs, common))
            stack.callback(screens[1].close)
        yield screens
