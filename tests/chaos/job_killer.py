"""kill -9 of the processes of running jobs: a runner's at named instants of its work, or the m2g that it waits for."""

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
#: One after the other, the most telling first: a short campaign gets no further.
_KINDS = (*_PATTERNS, _M2G)


class JobKiller:
    """Kills so many jobs' processes, spread over a campaign.

    Parameters
    ----------
    count
        How many.
    scan_count
        Over how many scans; each kill waits until some more of them are done.
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
        """Wait for the instant; whether a process was there to be killed."""
        pattern, is_after = _PATTERNS[kind]
        instant = Instant(kind, pattern, is_after, self._chance.randint(1, 3))
        pause = self._chance.uniform(0.0, 0.1) if kind == "within its push" else 0.0
        came, hit = threading.Event(), threading.Event()

        def act(passing: Passing) -> None:
            if pause:
                threading.Timer(pause, strike, (passing,)).start()
            else:
                strike(passing)

        def strike(passing: Passing) -> None:
            if self._strike(passing):
                hit.set()
            came.set()

        self._world.sightings.at(instant, act)
        while not came.wait(0.05):
            if self._ended.is_set():
                self._world.sightings.forget(instant)
                return False
        return hit.is_set()

    def _strike(self, passing: Passing) -> bool:
        found = _RECORD.search(passing.target)
        assert found is not None
        for pid, words, variables in _processes(b"m2g_job"):
            if b"process_supervisor.py" in b" ".join(words):
                continue
            offset, child = (
                int(variables.get(name, 0)) for name in ("OPSCTL_SCAN_OFFSET", "AWS_BATCH_JOB_ARRAY_INDEX")
            )
            if variables.get("OPSCTL_RUN_URI", "").endswith(found[1]) and offset + child == int(found[2]):
                return _kill(pid)
        return False

    def _kill_m2g(self) -> bool:
        mine = str(self._world.ledger).encode()
        return any(mine in words and _kill(pid) for pid, words, _ in _processes(b"chaos_m2g.py"))


def _kill(pid: int) -> bool:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def _processes(word: bytes) -> Iterator[tuple[int, list[bytes], dict[str, str]]]:
    """The processes of this user whose command line holds a word: id, words, environment."""
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with suppress(OSError):
                line = (folder / "cmdline").read_bytes()
                if word in line:
                    pairs = (folder / "environ").read_bytes().decode(errors="replace").split("\0")
                    yield int(folder.name), line.split(b"\0"), dict(one.split("=", 1) for one in pairs if "=" in one)
