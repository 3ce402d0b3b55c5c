"""`logs`: every line of a run's jobs under its scan's name, followed until the run ends."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from opsctl.aws.logs import Logs
from opsctl.commands.records import Records
from opsctl.commands.run_reader import RunReader
from opsctl.commands.status import StatusReader
from opsctl.core.manifest import Run
from opsctl.core.result import Result
from opsctl.core.status import RunStatus, ScanStatus

#: CloudWatch may show an event late: each poll reads this far back, and what was shown already is known by its id.
_OVERLAP_MS = 60_000

#: A stream of another run shares the prefix: after this many polls without knowing it, it is not waited for.
_PATIENCE_POLLS = 60

#: CloudWatch shows lines some seconds late: so many polls without a line, after every job's end, are the end.
_QUIET_POLLS = 3


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


class LogReader:
    """A run's lines, in order, none twice: those of its own jobs, and of the scans that it adopted on their way.

    Parameters
    ----------
    reader
        The run's facts.
    states
        Where it stands.
    """

    def __init__(self, reader: RunReader, states: StatusReader, *, logs: Logs, records: Records) -> None:
        self.run = reader.run
        self.states = states
        self._reader = reader
        self._logs = logs
        self._scan_of_stream: dict[str, str] = {}
        self._strangers: Counter[str] = Counter()
        self._seen: dict[str, int] = {}
        self._is_over = False
        runs = _runs_with_lines(self.run, reader.results(), records)
        # One group holds the lines of all runs: those of one model share a prefix.
        self._prefixes = sorted({f"{run.resources}/default/" for run in runs})
        self._newest_ms = min(int(datetime.fromisoformat(run.created_at).timestamp() * 1000) for run in runs)

    def lines(self) -> list[LogLine]:
        """The lines that have come since the last call, by time."""
        start_ms = self._newest_ms - _OVERLAP_MS
        fresh = [
            event
            for prefix in self._prefixes
            for event in self._logs.since(start_ms, stream_prefix=prefix)
            if event.event_id not in self._seen
        ]
        unknown = {event.stream for event in fresh if not self._is_settled(event.stream)}
        if unknown:
            self._learn_streams(unknown)
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
        """Where the run stands: one call while nothing changes."""
        found = self.states.states()
        self._is_over = found.is_over and self.states.jobs_are_over
        return found

    @property
    def is_over(self) -> bool:
        """Whether, by the last status, no job says anything more: a result may stand before its job's last words."""
        return self._is_over

    def _is_settled(self, stream: str) -> bool:
        return stream in self._scan_of_stream or self._strangers[stream] >= _PATIENCE_POLLS

    def _learn_streams(self, unknown: set[str]) -> None:
        """Which scan each stream belongs to: the jobs wrote it down; else Batch is asked, more and more rarely."""
        for attempt in self._reader.attempts():
            if attempt.log_stream:
                self._scan_of_stream[attempt.log_stream] = self.run.scans[attempt.index]
        for result in self._reader.results().values():
            self._scan_of_stream.setdefault(result.log_stream, self.run.scans[result.index])
        left = unknown - self._scan_of_stream.keys()
        if any(self._is_over or _is_power_of_two(self._strangers[stream] + 1) for stream in left):
            for stream, index in self.states.streams().items():
                self._scan_of_stream[stream] = self.run.scans[index]


def _runs_with_lines(run: Run, results: Mapping[int, Result], records: Records) -> list[Run]:
    """The run, and those earlier ones whose jobs it adopted while they were on their way: their lines belong to it."""
    adopted = {
        run.origin(index).run_id
        for index in range(run.submitted_count, len(run.scans))
        if not (index in results and results[index].succeeded and results[index].stopped_at < run.created_at)
    }
    if not adopted and not run.submitted_count:
        # Everything was done already: what is there to be read are the earlier jobs' lines.
        adopted = {origin.run_id for origin in run.adopted}
    return [run, *(records.run(run_id) for run_id in sorted(adopted))]


def _is_power_of_two(number: int) -> bool:
    return number & (number - 1) == 0


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
        quiet = quiet + 1 if reader.is_over and not lines else 0
        if quiet == _QUIET_POLLS:
            return
        sleep(poll_seconds)
