"""`logs`: every line of a run's jobs under its scan's name, followed until the run ends."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from opsctl.aws.batch import Batch
from opsctl.aws.logs import Logs
from opsctl.commands.records import Records
from opsctl.core.manifest import Run, Submission
from opsctl.core.result import Result
from opsctl.core.status import Job, RunStatus, ScanStatus, join

#: CloudWatch may show an event late: each poll reads this far back, and what was shown already is known by its id.
_OVERLAP_MS = 60_000

#: A stream of another run shares the prefix: after this many polls without knowing it, it is not waited for.
_PATIENCE_POLLS = 60

#: CloudWatch shows lines some seconds late: so many polls without a line, after every job's end, are the end.
_QUIET_POLLS = 3

# RUNNABLE: a job that waits to be tried again has had attempts.
_STARTED = ("RUNNABLE", "STARTING", "RUNNING", "SUCCEEDED", "FAILED")


@dataclass(frozen=True)
class LogLine:
    """One line of one scan's job."""

    scan: str
    timestamp_ms: int
    message: str
    stream: str

    def as_json(self) -> dict[str, Any]:
        """One object a line of `logs --json`."""
        moment = datetime.fromtimestamp(self.timestamp_ms / 1000, UTC)
        return {
            "time": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "scan": self.scan,
            "stream": self.stream,
            "message": self.message,
        }


@dataclass(frozen=True)
class ScanEnd:
    """A scan is done or has failed."""

    scan: ScanStatus


@dataclass
class LogReader:
    """A run's lines, in order, none twice.

    Parameters
    ----------
    run
        Its record.
    submissions
        Its jobs.
    """

    run: Run
    submissions: list[Submission]
    logs: Logs
    batch: Batch
    records: Records
    _scan_of_stream: dict[str, str] = field(default_factory=dict)
    _strangers: Counter[str] = field(default_factory=Counter)
    _seen: dict[str, int] = field(default_factory=dict)
    _results: dict[int, Result] = field(default_factory=dict)
    _final: set[int] = field(default_factory=set)
    _newest_ms: int = 0
    _summaries: dict[str, dict[str, int]] | None = None
    _jobs: dict[int, Job] = field(default_factory=dict)

    def __post_init__(self) -> None:
        started = datetime.strptime(self.run.created_at, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        self._newest_ms = int(started.timestamp() * 1000)

    def lines(self) -> list[LogLine]:
        """The lines that have come since the last call, by time."""
        start_ms = self._newest_ms - _OVERLAP_MS
        prefix = f"{self.run.model}/default/"
        fresh = [event for event in self.logs.since(start_ms, stream_prefix=prefix) if event.event_id not in self._seen]
        unknown = {event.stream for event in fresh if not self._is_settled(event.stream)}
        if unknown:
            self._learn_streams()
            self._strangers.update(unknown - self._scan_of_stream.keys())
        shown = sorted(
            (event for event in fresh if event.stream in self._scan_of_stream), key=lambda event: event.timestamp_ms
        )
        for event in fresh:
            # Lines of a stream that nobody knows yet stay unseen: the next poll brings them again.
            if self._is_settled(event.stream):
                self._seen[event.event_id] = event.timestamp_ms
                self._newest_ms = max(self._newest_ms, event.timestamp_ms)
        oldest_ms = self._newest_ms - 2 * _OVERLAP_MS
        self._seen = {event_id: moment for event_id, moment in self._seen.items() if moment >= oldest_ms}
        return [
            LogLine(self._scan_of_stream[event.stream], event.timestamp_ms, event.message, event.stream)
            for event in shown
        ]

    def status(self) -> RunStatus:
        """Where the run stands.

        One call while nothing changes: children and results are read when the parents' counts differ from the last
        ones, and a result again only while its job may still change it.
        """
        summaries = self.batch.summaries(self.submissions)
        if summaries == self._summaries:
            return join(self.run, results=self._results, jobs=self._jobs)
        self._summaries = summaries
        jobs = self._jobs = self.batch.jobs(self.submissions)
        self._results.update(self.records.results(self.run.run_id, known=self._final))
        self._final = {
            index
            for index, result in self._results.items()
            if result.succeeded or index not in jobs or jobs[index].is_over
        }
        return join(self.run, results=self._results, jobs=jobs)

    @property
    def jobs_are_over(self) -> bool:
        """Whether every job that Batch knows has ended: a result may stand while its job says its last words."""
        return all(job.is_over for job in self._jobs.values())

    def _is_settled(self, stream: str) -> bool:
        return stream in self._scan_of_stream or self._strangers[stream] >= _PATIENCE_POLLS

    def _learn_streams(self) -> None:
        """Which scan each stream belongs to: the attempts tell; the results remember it when Batch has forgotten."""
        jobs = self.batch.jobs(self.submissions)
        index_of = {job.job_id: index for index, job in jobs.items() if job.status in _STARTED}
        for job_id, job in self.batch.describe(list(index_of)).items():
            for stream in job.log_streams:
                self._scan_of_stream[stream] = self.run.scans[index_of[job_id]]
        if len(jobs) < len(self.run.scans):
            self._results.update(self.records.results(self.run.run_id, known=self._results))
            for result in self._results.values():
                self._scan_of_stream.setdefault(result.log_stream, result.scan)


def follow(
    reader: LogReader, *, sleep: Callable[[float], None], poll_seconds: float = 1.0
) -> Iterator[LogLine | ScanEnd]:
    """A run's lines as they come, and each scan's end, until the run has ended and its last lines are read.

    Parameters
    ----------
    sleep
        Waits; injected so that following is a plain test.
    """
    announced: set[int] = set()
    quiet = 0
    while True:
        # The state first: lines written before a job's end are then read before its end is told.
        status = reader.status()
        lines = reader.lines()
        yield from lines
        for scan in status.scans:
            if scan.state in ("DONE", "FAILED") and scan.index not in announced:
                announced.add(scan.index)
                yield ScanEnd(scan)
        quiet = quiet + 1 if status.is_over and reader.jobs_are_over and not lines else 0
        if quiet == _QUIET_POLLS:
            return
        sleep(poll_seconds)
