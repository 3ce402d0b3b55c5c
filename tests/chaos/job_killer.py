"""Kills processes of running jobs: the runner at certain instants, or its m2g."""

from __future__ import annotations

import os
import random
import re
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from chaos_world import World
from fault_proxy import Passing
from sightings import Instant

_RECORD = re.compile(r"/opsctl/runs/([^/]+)/[a-z]+/(\d+)\.")
_M2G = "m2g"
_PATTERNS = {
    "after its result": (r"s3\.PutObject .*/runs/[^/]+/results/\d+\.json", True),
    "within its push": (r"s3\.PutObject .*/runs/[^/]+/claims/\d+\.1\.json", True),
    "before its result": (r"s3\.PutObject .*/runs/[^/]+/results/\d+\.json", False),
    "before its claim": (r"s3\.PutObject .*/runs/[^/]+/claims/\d+\.1\.json", False),
    "as it reads its scan": (r"s3\.GetObject .*/runs/[^/]+/scans/\d+\.json", True),
}
#: In turn, the most important first: a short campaign does not reach the last ones.
_KINDS = (*_PATTERNS, _M2G)


class JobKiller:
    """Kills `count` jobs' processes, spread over a campaign.

    Parameters
    ----------
    scan_count
        The campaign's scans; each kill waits until some more of them are done.
    """

    def __init__(self, world: World, seed: int, *, count: int, scan_count: int) -> None:
        self._world = world
        self._chance = random.Random(f"jobs {seed}")
        self._kinds = [_KINDS[number % len(_KINDS)] for number in range(count)]
        self._scan_count = scan_count
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="job-killer")
        self.killed: Counter[str] = Counter()

    def __enter__(self) -> JobKiller:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        for number, kind in enumerate(self._kinds):
            due = number * 0.6 * self._scan_count / len(self._kinds)
            while len(self._world.sightings.published) < due:
                if self._ended.wait(0.05):
                    return
            while not (self._kill_m2g() if kind == _M2G else self._kill_runner(kind)):
                if self._ended.wait(0.02):
                    return
            self.killed[f"job: {kind}"] += 1

    def _kill_runner(self, kind: str) -> bool:
        """Wait for the instant; returns whether a process was killed."""
        pattern, is_after = _PATTERNS[kind]
        instant = Instant(kind, pattern, is_after, self._chance.randint(1, 3))
        pause = self._chance.uniform(0.0, 0.1) if kind == "within its push" else 0.0
        came, hit = threading.Event(), threading.Event()

        def act(passing: Passing) -> None:
            if pause:
                threading.Timer(pause, kill, (passing,)).start()
            else:
                kill(passing)

        def kill(passing: Passing) -> None:
            if self._kill_runner_of(passing):
                hit.set()
            came.set()

        self._world.sightings.at(instant, act)
        while not came.wait(0.05):
            if self._ended.is_set():
                self._world.sightings.forget(instant)
                return False
        return hit.is_set()

    def _kill_runner_of(self, passing: Passing) -> bool:
        record = _RECORD.search(passing.target)
        assert record is not None
        for pid, arguments, variables in _processes(b"m2g_job"):
            if b"process_supervisor.py" in b" ".join(arguments):
                continue
            offset, child = (
                int(variables.get(name, 0)) for name in ("OPSCTL_SCAN_OFFSET", "AWS_BATCH_JOB_ARRAY_INDEX")
            )
            if variables.get("OPSCTL_RUN_URI", "").endswith(record[1]) and offset + child == int(record[2]):
                return _kill(pid)
        return False

    def _kill_m2g(self) -> bool:
        ledger = str(self._world.ledger).encode()
        return any(ledger in arguments and _kill(pid) for pid, arguments, _ in _processes(b"chaos_m2g.py"))


def _kill(pid: int) -> bool:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def _processes(text: bytes) -> Iterator[tuple[int, list[bytes], dict[str, str]]]:
    """The processes of this user whose command line holds a text: id, arguments, environment."""
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with suppress(OSError):
                line = (folder / "cmdline").read_bytes()
                if text in line:
                    pairs = (folder / "environ").read_bytes().decode(errors="replace").split("\0")
                    yield int(folder.name), line.split(b"\0"), dict(pair.split("=", 1) for pair in pairs if "=" in pair)
