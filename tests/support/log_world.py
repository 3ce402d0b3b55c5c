"""A run that is in progress while its logs are read: CloudWatch, Batch and records, scripted by the second."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from opsctl.aws.logs import Logs
from opsctl.commands.logs.follow import Event, ScanEnd, follow
from opsctl.commands.logs.reader import LogReader
from opsctl.commands.logs.streams import LogStreams
from opsctl.commands.retry import RetryPolicy
from opsctl.commands.runs.snapshot import SnapshotReader
from opsctl.core.logs.log_line import LineFilter, LogLine
from opsctl.core.runs.attempt import Attempt
from opsctl.core.runs.manifest import Origin
from opsctl.core.runs.result import Result
from opsctl.core.runs.status import BatchJob
from opsctl.core.runs.submission import Submission
from support.batch_world import MemoryRecords, made_result, made_run, submitted

START_MS = 1_795_348_800_000  # 2026-11-22T12:00:00Z, when the run was made
LONGEST_SECONDS = 2_000


@dataclass(frozen=True)
class Written:
    """A line: when it was written and when CloudWatch shows it, in seconds after the run was created."""

    stream: str
    written: float
    message: str
    shown: float


@dataclass(frozen=True)
class Phase:
    """A job's state from a given second on. DescribeJobs knows the streams, ListJobs does not."""

    since: float
    status: str
    streams: tuple[str, ...] = ()
    reason: str = ""


@dataclass
class LogWorld:
    """The scripted run; time passes only in `sleep`."""

    scans: tuple[str, ...]
    now: float = 0.0
    events: list[Written] = field(default_factory=list)
    phases: dict[int, list[Phase]] = field(default_factory=dict)
    results: dict[int, list[tuple[float, Result]]] = field(default_factory=dict)
    forgotten: bool = False
    page_size: int = 3
    sleeps: list[float] = field(default_factory=list)
    while_asked: Callable[[], None] = lambda: None  # what happens while Batch is asked
    batch_calls: int = 0

    adopted_from: str = ""  # the model of an earlier run, if its jobs are the run's
    # (since, scan, stream, attempt): what the jobs have recorded.
    recorded_streams: list[tuple[float, int, str, int]] = field(default_factory=list)
    prefixes_read: list[str] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)  # the windows that were read
    calls: int = 0
    while_read: Callable[[int], None] = lambda _: None  # what happens in CloudWatch's n-th call: it may raise
    records_read: int = 0
    token: str | None = None  # of the call that is under way
    _replies: list[dict[str, Any]] = field(default_factory=list)
    _pages: list[list[dict[str, Any]]] = field(default_factory=list)

    def line(self, stream: str, written: float, message: str, *, late: float = 0.0) -> None:
        self.events.append(
            Written(stream if "/" in stream else f"csa/default/{stream}", written, message, written + late)
        )

    def job(self, index: int, *phases: tuple[float, str] | tuple[float, str, tuple[str, ...]]) -> None:
        self.phases[index] = [
            Phase(
                phase[0],
                phase[1],
                tuple(name if "/" in name else f"csa/default/{name}" for name in (phase[2] if len(phase) > 2 else ())),
            )
            for phase in phases
        ]

    def result(self, index: int, since: float, **changes: Any) -> None:
        result = made_result(index, **{"scan": self.scans[index], **changes})
        self.results.setdefault(index, []).append((since, result))

    # CloudWatch's client, as far as the adapter uses it: pages, some of them empty, in no order, one event twice.

    def filter_log_events(
        self, *, logGroupName: str, logStreamNamePrefix: str, startTime: int, nextToken: str | None = None
    ) -> dict[str, Any]:
        assert logGroupName == "/opsctl/m2g"
        self.calls += 1
        self.token = nextToken
        self.while_read(self.calls)
        if nextToken is None:
            self.prefixes_read.append(logStreamNamePrefix)
            self.starts.append(startTime)
            self._pages = self._answer(logStreamNamePrefix, startTime)
            number = 0
        else:
            number = int(nextToken)
        page: dict[str, Any] = {"events": self._pages[number]}
        return page if number + 1 == len(self._pages) else {**page, "nextToken": str(number + 1)}

    def _answer(self, prefix: str, start_ms: int) -> list[list[dict[str, Any]]]:
        if len(self._replies) != len(self.events):
            self._replies = [
                {
                    "eventId": f"{number:056d}",
                    "logStreamName": event.stream,
                    "timestamp": START_MS + int(event.written * 1000),
                    "message": event.message,
                }
                for number, event in enumerate(self.events)
            ]
        visible = [
            reply
            for event, reply in zip(self.events, self._replies, strict=True)
            if event.shown <= self.now and event.stream.startswith(prefix) and reply["timestamp"] >= start_ms
        ]
        random.Random(int(self.now)).shuffle(visible)
        parts = [visible[start : start + self.page_size] for start in range(0, len(visible), self.page_size)]
        # Empty pages between, and the first events once more at the end.
        return [[], *(page for part in parts for page in (part, [])), visible[:1]] if visible else [[]]

    # What following is given.

    def retry(self, *, timeout: float = 600.0) -> RetryPolicy:
        return RetryPolicy(poll_seconds=1.0, timeout_seconds=timeout, clock=lambda: self.now)

    # Batch's adapter.

    def summaries(
        self, submissions: list[Submission], *, run_uris: Collection[str]
    ) -> tuple[dict[str, dict[str, int]], dict[str, str]]:
        self.while_asked()
        counts = Counter(job.status for job in self._jobs().values())
        return {} if self.forgotten else {submission.job_id: dict(counts) for submission in submissions}, {}

    def jobs(self, submissions: list[Submission]) -> dict[int, BatchJob]:
        assert submissions
        self.batch_calls += 1
        return {index: replace(job, log_streams=(), attempts=()) for index, job in self._jobs().items()}

    def children(self, parent_id: str, status: str) -> dict[int, BatchJob]:
        assert parent_id == "p"
        return {index: job for index, job in self._jobs().items() if job.status == status}

    def describe(self, job_ids: Collection[str], *, run_uris: Collection[str]) -> dict[str, BatchJob]:
        return {job.job_id: job for job in self._jobs().values() if job.job_id in job_ids}

    def _jobs(self) -> dict[int, BatchJob]:
        if self.forgotten:
            return {}
        jobs = {}
        for index, phases in self.phases.items():
            past = [phase for phase in phases if phase.since <= self.now]
            if past:
                streams = tuple(dict.fromkeys(stream for phase in past for stream in phase.streams))
                jobs[index] = BatchJob(job_id=f"p:{index}", status=past[-1].status, log_streams=streams)
        return jobs

    # The records.

    def results_now(self) -> dict[int, Result]:
        return {
            index: [result for since, result in written if since <= self.now][-1]
            for index, written in self.results.items()
            if any(since <= self.now for since, _ in written)
        }

    def attempts_now(self) -> list[Attempt]:
        return [
            Attempt(index=index, number=number, job_id=f"p:{index}", log_stream=f"csa/default/{stream}")
            for since, index, stream, number in self.recorded_streams
            if since <= self.now
        ]

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.now += seconds
        assert self.now < LONGEST_SECONDS, "following does not end"

    def reader(self, **filters: Any) -> LogReader:
        batch: Any = self
        records: Any = _Records(self)
        count = len(self.scans)
        run = made_run(count, scans=self.scans)
        # An array, also of one scan: which calls are made for it is another test's.
        submission: Submission | None = (
            submitted(run, size=count) if count > 1 else replace(submitted(run), size=1, job_id="p:0")
        )
        if self.adopted_from:
            old = made_run(
                count,
                run_id="HNU1-20261121-120000-old0",
                scans=self.scans,
                resources=self.adopted_from,
                created_at="2026-11-22T11:00:00Z",
            )
            records.add(old, *([submission] if submission else []))
            run = replace(run, sizes=(), adopted=tuple(Origin(old.run_id, index) for index in range(count)))
            submission = None
        records.add(run, *([submission] if submission else []))
        snapshots = SnapshotReader(run, records=records, batch=batch, now=lambda: datetime.now(UTC))
        return LogReader(
            snapshots,
            logs=Logs(batch, group="/opsctl/m2g"),
            records=records,
            streams=LogStreams(snapshots),
            line_filter=LineFilter(**filters),
            now=lambda: datetime.fromtimestamp(START_MS / 1000 + self.now, UTC),
        )

    def following(
        self, *, timeout: float = 600.0, status_polls: int = 1, has_late_lines: bool = True, **filters: Any
    ) -> Iterator[Event]:
        return follow(
            self.reader(**filters),
            sleep=self.sleep,
            retry=self.retry(timeout=timeout),
            status_polls=status_polls,
            has_late_lines=has_late_lines,
        )

    def followed(self, **settings: Any) -> list[Event]:
        return list(self.following(**settings))

    def read(self, **filters: Any) -> list[LogLine]:
        """Every line there is now, as `logs` without `--follow` reads it."""
        reader = self.reader(**filters)
        reader.ask_which_failed()
        lines_read: list[LogLine] = []
        while not reader.is_whole:
            lines_read += reader.lines()
        return lines_read


class _Records(MemoryRecords):
    """The records at the current second."""

    def __init__(self, world: LogWorld) -> None:
        super().__init__()
        self._world = world

    def results(
        self, run_id: str, *, files: bool = False, contradiction: Callable[[Result], str] = lambda _: ""
    ) -> dict[int, Result]:
        results = self._world.results_now() if self.submission_logs[run_id] else {}
        return {index: result for index, result in results.items() if not contradiction(result)}

    def attempts(self, run_id: str) -> list[Attempt]:
        self._world.records_read += 1
        return self._world.attempts_now() if self.submission_logs[run_id] else []


def lines(events: Sequence[Event]) -> list[tuple[str, str]]:
    return [(event.scan, event.message) for event in events if isinstance(event, LogLine)]


def messages(events: Sequence[Event]) -> list[str]:
    return [message for _, message in lines(events)]


def ends(events: Sequence[Event]) -> list[tuple[str, str]]:
    return [(event.scan.name, event.scan.state) for event in events if isinstance(event, ScanEnd)]


def refused(code: str, *, status: int = 400) -> ClientError:
    """An error reply of AWS."""
    return ClientError(
        {"Error": {"Code": code, "Message": "x"}, "ResponseMetadata": {"HTTPStatusCode": status}},  # type: ignore[typeddict-item]
        "FilterLogEvents",
    )
