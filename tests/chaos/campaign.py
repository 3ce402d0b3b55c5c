"""A researcher's weeks in a minute: a dataset is run and brought home while everything fails that can."""

from __future__ import annotations

import json
import random
import re
import threading
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any

import chaos_dataset
from chaos_world import World
from fault_plan import Fault, Plan
from fault_proxy import Passing
from job_killer import JobKiller
from laptop import Laptop, Typed
from sightings import Instant
from verdict import torn

from opsctl.aws.s3.partial_file import part_name

_MOST_RETYPES = 12
_JOB_SECONDS = 1200.0
#: At which instants a submission is killed: the label, the request, whether it has been carried out, up to the n-th.
#: One after the other, the most telling first: a short campaign gets no further.
_SUBMISSION: tuple[tuple[str, str, bool, int], ...] = (
    ("after SubmitJob", r"batch\.SubmitJob ", True, 1),
    ("within the scans' records", r"s3\.PutObject .*/scans/\d+\.json", True, 5),
    ("after the journal", r"s3\.PutObject .*/submissions/\d+\.json", True, 1),
    ("before it is written down", r"s3\.PutObject .*/submissions/\d+\.json", False, 2),
    ("after the run's record", r"s3\.PutObject .*/run\.json", True, 1),
    ("after the lease was acquired", r"s3\.PutObject .*/lease\.\d+\.json", True, 1),
    ("before SubmitJob", r"batch\.SubmitJob ", False, 1),
    ("after it is written down", r"s3\.PutObject .*/submissions/\d+\.json", True, 2),
    ("before the run's record", r"s3\.PutObject .*/run\.json", False, 1),
    ("before the journal", r"s3\.PutObject .*/submissions/\d+\.json", False, 1),
    ("before the lease is released", r"s3\.PutObject .*/lease\.\d+\.json", False, 2),
    ("before the lease is acquired", r"s3\.PutObject .*/lease\.\d+\.json", False, 1),
)
_DOWNLOAD = r"s3\.GetObject .*/derivatives/.*/sub-"


@dataclass(frozen=True)
class Size:
    """How much happens.

    Attributes
    ----------
    scans, kills
        Of all.
    rounds
        In how many steps the dataset is submitted.
    pairs
        How many of these two people type at once.
    twins
        How many scans Batch gets twice, behind opsctl's back.
    another_laptop
        How often the other laptop goes on where one was killed: it waits up to a minute for the dead one's turn.
    """

    scans: int
    kills: int
    rounds: int
    pairs: int
    twins: int
    another_laptop: int
    slots: int = 8


SHORT = Size(scans=36, kills=6, rounds=3, pairs=1, twins=4, another_laptop=0, slots=6)


def sized(scans: int, kills: int) -> Size:
    """A long campaign of so many scans."""
    return Size(
        scans=scans, kills=kills, rounds=max(3, kills // 3), pairs=max(1, kills // 12), twins=24, another_laptop=3
    )


def weather(seed: int) -> Plan:
    """What the network and AWS do to requests: each operation its share."""
    usual = {
        Fault.THROTTLED: 0.01, Fault.ERROR_500_BEFORE: 0.005, Fault.ERROR_503_BEFORE: 0.005, Fault.RESET_BEFORE: 0.01,
        Fault.ERROR_500_AFTER: 0.005, Fault.ERROR_503_AFTER: 0.005, Fault.RESET_AFTER: 0.01, Fault.SLOW: 0.01,
        Fault.TRUNCATED: 0.01,
    }  # fmt: skip
    submit = {
        Fault.THROTTLED: 0.1, Fault.ERROR_500_BEFORE: 0.06, Fault.RESET_BEFORE: 0.06, Fault.ERROR_500_AFTER: 0.08,
        Fault.ERROR_503_AFTER: 0.06, Fault.RESET_AFTER: 0.12, Fault.TRUNCATED: 0.06, Fault.SLOW: 0.04,
    }  # fmt: skip
    return Plan(seed=seed, rates={"*": usual, "batch.SubmitJob": submit}, slow_seconds=0.5)


def job_weather(seed: int) -> dict[str, object]:
    """What happens to jobs and to ListJobs: stale for less long than opsctl looks for a name, so that none is twice."""
    return {
        "seed": seed, "host_terminated": 0.06, "killed": 0.04, "cannot_pull": 0.04, "reclaimed": 0.06,
        "moment_seconds": [0.0, 2.5], "stale_list": {"rate": 0.3, "seconds": 2.0}, "no_capacity": {"seconds": 2.0},
    }  # fmt: skip


class Campaign:
    """Types, kills and retypes.

    Attributes
    ----------
    kills
        By what was killed.
    retypes
        How often something was typed that had been typed before.
    refusals
        With which words commands gave up (exit code 1), and how often.
    torn
        Files that a kill left under their right name with other bytes than S3 has.
    run_id
        The run that, as the program says, shows everything.
    """

    def __init__(self, world: World, size: Size, *, seed: int) -> None:
        self.world, self.size, self.seed = world, size, seed
        self.kills: Counter[str] = Counter()
        self.refusals: Counter[str] = Counter()
        self.retypes = 0
        self.run_id = ""
        self.torn: list[str] = []
        self._chance = random.Random(f"campaign {seed}")
        self._submission_kills, self._download_kills = size.kills // 2, max(1, size.kills // 6)
        self._instants = cycle(_SUBMISSION)
        self._switches = size.another_laptop

    def carry_out(self) -> Path:
        """All of it; gives the folder that the results were brought to."""
        world, size = self.world, self.size
        usual = size.scans - size.twins
        world.proxy.plan = weather(self.seed)
        world.faults(job_weather(self.seed))
        job_kills = size.kills - self._submission_kills - self._download_kills
        with JobKiller(world, self.seed, count=job_kills, scan_count=usual) as killer:
            self._submit(usual)
            self._settle(usual)
        self.kills += killer.killed
        self._twins(usual)
        self._use_up(self._download_kills, "run: at random", *self._run_words(size.scans))
        self._settle(size.scans)
        return self._bring_home()

    def _use_up(self, kept: int, label: str, *words: str) -> None:
        """Kill for what has not been hit: an instant that did not come, a job that was quicker."""
        for _ in range(self.size.kills - kept - self.kills.total()):
            self._kill(self.world.laptops[0], label, self._chance.uniform(0.1, 0.5), *words)

    def _run_words(self, count: int) -> tuple[str, ...]:
        return ("run", chaos_dataset.NAME, "--parcellation", "Desikan_", "--first", str(count), "--yes", "--json")

    def _submit(self, usual: int) -> None:
        rounds = [*sorted(self._chance.sample(range(2, usual - 1), self.size.rounds - 1)), usual]
        pairs = set(self._chance.sample(range(self.size.rounds), self.size.pairs))
        alone = self.size.rounds - self.size.pairs
        left = self._submission_kills
        for number, count in enumerate(rounds):
            laptop = self.world.laptops[number % 2]
            words = self._run_words(count)
            if number in pairs:
                self._both(words)
                continue
            share, alone = -(-left // alone), alone - 1
            laptop, killed = self._killed_and_retyped(laptop, words, share)
            left -= killed
            self._until_done(laptop, *words)
            self._until_done(laptop, *(("status",), ("cost", "--json"))[number % 2])

    def _killed_and_retyped(self, laptop: Laptop, words: tuple[str, ...], kills: int) -> tuple[Laptop, int]:
        killed = 0
        for _ in range(2 * kills):
            label, at = self._next_instant()
            typed = self._kill(laptop, label, at, *words)
            killed += typed.is_killed
            if typed.is_killed and self._switches and self._chance.random() < 0.4:
                self._switches -= 1
                return next(one for one in self.world.laptops if one is not laptop), killed
            if typed.code == 0 or killed == kills:
                break
        return laptop, killed

    def _next_instant(self) -> tuple[str, Instant | float]:
        if self._chance.random() < 0.15:
            return "run: at random", self._chance.uniform(0.1, 3.0)
        label, pattern, is_after, most = next(self._instants)
        count = most if most < 3 else self._chance.randint(1, most)
        return f"run: {label}", Instant(label, pattern, is_after, count)

    def _kill(self, laptop: Laptop, label: str, at: Instant | float, *words: str) -> Typed:
        typed = laptop.type(*words, kill_at=at)
        self.retypes += 1
        self.kills[label] += typed.is_killed
        return typed

    def _until_done(self, laptop: Laptop, *words: str) -> Typed:
        """Type until the program does not refuse any more, so often as a person would."""
        for _ in range(_MOST_RETYPES):
            typed = laptop.type(*words)
            if typed.code != 1:
                break
            self.refusals[f"{words[0]}: {typed.err.strip().rpartition(chr(10))[2][:200]}"] += 1
            self.retypes += 1
        return typed

    def _both(self, words: tuple[str, ...]) -> None:
        """Two people at once: they begin at the same moment, and the first at SubmitJob waits for the other."""
        begin, submit, begun = threading.Barrier(2), threading.Barrier(2), threading.Event()
        listing = re.compile(rf"[?&]prefix={chaos_dataset.NAME}%2F(&|$)")

        def wait(passing: Passing) -> None:
            if passing.status is not None:
                return
            with suppress(threading.BrokenBarrierError):
                if passing.name == "s3.ListObjectsV2" and listing.search(passing.target) and not begun.is_set():
                    begin.wait(20.0)
                    begun.set()
                elif passing.name == "batch.SubmitJob":
                    # In vain, where only one of them has the turn.
                    submit.wait(4.0)

        self.world.sightings.on_passing = wait
        threads = [threading.Thread(target=self._until_done, args=(one, *words)) for one in self.world.laptops]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.world.sightings.on_passing = lambda _: None
        self.retypes += 1

    def _settle(self, count: int) -> None:
        """Monday: what is missing is typed again until the program says that nothing is."""
        for number in range(_MOST_RETYPES):
            self.world.wait_for_jobs(seconds=_JOB_SECONDS)
            typed = self._until_done(self.world.laptops[number % 2], *self._run_words(count))
            self.retypes += 1
            if typed.code == 0:
                said: dict[str, Any] = json.loads(typed.out)
                self.run_id = said["run_id"]
                if not said["submitted"] and not said["in_flight"]:
                    return

    def _twins(self, usual: int) -> None:
        """Batch gets some submissions twice, and both their jobs run: as when a reply is lost and no list shows it."""
        self.world.faults({})
        for count in range(usual, self.size.scans, 4):
            self.world.sightings.on_submitted = self._submit_twin
            self._until_done(self.world.laptops[0], *self._run_words(min(count + 4, self.size.scans)))
            self.world.sightings.on_submitted = lambda _: None
            self.world.wait_for_jobs(seconds=_JOB_SECONDS)

    def _submit_twin(self, request: dict[str, Any]) -> None:
        self.world.batch.submit_job(**{**request, "jobName": f"{request['jobName']}-twin"})

    def _bring_home(self) -> Path:
        laptop = self.world.laptops[1]
        folder = laptop.home / "results"
        words = ("results", str(folder), "--what", "all", "--run", self.run_id)
        files = self.size.scans * 3
        for number in range(self._download_kills):
            count = self._chance.randint(1, max(2, files // (self._download_kills + 1)))
            self._kill(laptop, "results", Instant("results", _DOWNLOAD, number % 2 == 0, count), *words)
            self.torn += torn(self.world, folder)
        self._use_up(0, "results: at random", *words)
        self._until_done(laptop, *words)
        self._damage(folder)
        self._until_done(laptop, *words)
        return folder

    def _damage(self, folder: Path) -> None:
        """What a person or an earlier download leaves: files that are gone, a part of other bytes."""
        there = sorted(path for path in folder.rglob("sub-*_tracts.txt"))
        for path in self._chance.sample(there, min(3, len(there))):
            path.with_name(part_name(path.name)).write_bytes(b"#" * (path.stat().st_size // 2))
            path.unlink()
