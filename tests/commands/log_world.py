"""A run that happens while its logs are read: CloudWatch, Batch and the records, scripted second by second."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from run_world import result

from opsctl.aws.logs import Logs
from opsctl.commands.logs import LogLine, LogReader, ScanEnd, follow
from opsctl.core.manifest import Run, Submission
from opsctl.core.result import Result
from opsctl.core.status import Job

START_MS = 1_795_348_800_000  # 2026-11-22T12:00:00Z, when the run was made
LONGEST_SECONDS = 2_000


@dataclass(frozen=True)
class Event:
    """A line: when it was written, and from when on CloudWatch shows it; both seconds after the run was made."""

    stream: str
    written: float
    message: str
    shown: float


@dataclass(frozen=True)
class Phase:
    """A job's state from a second on. DescribeJobs knows the streams, ListJobs does not."""

    since: float
    status: str
    streams: tuple[str, ...] = ()
    reason: str = ""


@dataclass
class LogWorld:
    """Time stands still but for `sleep`."""

    scans: tuple[str, ...]
    now: float = 0.0
    events: list[Event] = field(default_factory=list)
    phases: dict[int, list[Phase]] = field(default_factory=dict)
    results: dict[int, list[tuple[float, Result]]] = field(default_factory=dict)
    forgotten: bool = False
    page_size: int = 3
    sleeps: list[float] = field(default_factory=list)
    while_asked: Callable[[], None] = lambda: None  # what happens while Batch is asked
    batch_calls: int = 0

    def line(self, stream: str, written: float, message: str, *, late: float = 0.0) -> None:
        self.events.append(Event(f"csa/default/{stream}", written, message, written + late))

    def job(self, index: int, *phases: tuple[float, str] | tuple[float, str, tuple[str, ...]]) -> None:
        self.phases[index] = [
            Phase(one[0], one[1], tuple(f"csa/default/{name}" for name in (one[2] if len(one) > 2 else ())))
            for one in phases
        ]

    def result(self, index: int, since: float, **changes: Any) -> None:
        self.results.setdefault(index, []).append((since, result(index, self.scans[index], **changes)))

    # CloudWatch's client, as far as the adapter uses it: pages, some of them empty, in no order, one event twice.

    def get_paginator(self, name: str) -> LogWorld:
        assert name == "filter_log_events"
        return self

    def paginate(
        self,
        *,
        logGroupName: str,
        logStreamNamePrefix: str,
        startTime: int,
    ) -> Iterator[dict[str, Any]]:
        assert (logGroupName, logStreamNamePrefix) == ("/opsctl/m2g", "csa/default/")
        visible = [
            {
                "eventId": f"id-{number}",
                "logStreamName": event.stream,
                "timestamp": START_MS + int(event.written * 1000),
                "message": event.message,
            }
            for number, event in enumerate(self.events)
            if event.shown <= self.now
            and event.stream.startswith(logStreamNamePrefix)
            and START_MS + int(event.written * 1000) >= startTime
        ]
        random.Random(int(self.now)).shuffle(visible)
        yield {"events": [], "nextToken": "x"}
        for start in range(0, len(visible), self.page_size):
            yield {"events": visible[start : start + self.page_size], "nextToken": "y"}
            yield {"events": []}

    # Batch's adapter.

    def summaries(self, submissions: list[Submission]) -> dict[str, dict[str, int]]:
        counts = Counter(job.status for job in self._jobs().values())
        return {} if self.forgotten else {one.job_id: dict(counts) for one in submissions}

    def jobs(self, submissions: list[Submission]) -> dict[int, Job]:
        self.batch_calls += 1
        self.while_asked()
        return {index: replace(job, log_streams=(), attempts=0) for index, job in self._jobs().items()}

    def describe(self, job_ids: Collection[str]) -> dict[str, Job]:
        return {job.job_id: job for job in self._jobs().values() if job.job_id in job_ids}

    def _jobs(self) -> dict[int, Job]:
        if self.forgotten:
            return {}
        found = {}
        for index, phases in self.phases.items():
            past = [phase for phase in phases if phase.since <= self.now]
            if past:
                streams = tuple(dict.fromkeys(stream for phase in past for stream in phase.streams))
                found[index] = Job(job_id=f"p:{index}", status=past[-1].status, log_streams=streams)
        return found

    # The records.

    def results_now(self, known: Collection[int]) -> dict[int, Result]:
        return {
            index: [one for since, one in written if since <= self.now][-1]
            for index, written in self.results.items()
            if index not in known and any(since <= self.now for since, _ in written)
        }

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.now += seconds
        assert self.now < LONGEST_SECONDS, "following does not end"

    def reader(self) -> LogReader:
        run = Run(
            run_id="HNU1-20261122-120000-ab12",
            dataset="s3://data/HNU1",
            output="s3://data/out",
            m2g={},
            model="csa",
            image="i",
            platform="m2g",
            region="us-east-1",
            scans=self.scans,
            created_at="2026-11-22T12:00:00Z",
            created_by="ada",
            command_line=(),
            opsctl_version="0.1.0",
        )
        submission = Submission(job_id="p", job_name="n", offset=0, size=len(self.scans), submitted_at="t")
        client: Any = self
        records: Any = _Records(self)
        return LogReader(
            run=run,
            submissions=[submission],
            logs=Logs(client, group="/opsctl/m2g"),
            batch=client,
            records=records,
        )

    def followed(self) -> list[LogLine | ScanEnd]:
        return list(follow(self.reader(), sleep=self.sleep))


@dataclass(frozen=True)
class _Records:
    world: LogWorld

    def results(self, run_id: str, *, known: Collection[int] = ()) -> dict[int, Result]:
        assert run_id == "HNU1-20261122-120000-ab12"
        return self.world.results_now(known)


def lines(events: list[LogLine | ScanEnd]) -> list[tuple[str, str]]:
    return [(one.scan, one.message) for one in events if isinstance(one, LogLine)]


def ends(events: list[LogLine | ScanEnd]) -> list[tuple[str, str]]:
    return [(one.scan.name, one.scan.state) for one in events if isinstance(one, ScanEnd)]
