"""Reads a run's log lines in order, each exactly once."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from opsctl.aws.logs import LogEvent, Logs, Sweep
from opsctl.commands.logs.streams import LogStreams, StreamOwner
from opsctl.commands.runs.records import Records
from opsctl.commands.runs.run_reader import RunReader
from opsctl.commands.runs.snapshot import SnapshotReader
from opsctl.core.logs.log_line import LineFilter, LogLine
from opsctl.core.logs.window import Window
from opsctl.core.runs.manifest import Run
from opsctl.core.runs.status import RunStatus

#: A run's creation time and its lines' times come from different clocks.
_CLOCK_SKEW = timedelta(minutes=15)

#: Lines are held until a pass over CloudWatch ends, so that they are in order, but no more than this many.
_MOST_HELD = 200_000
_MOST_HELD_CHARACTERS = 100_000_000

#: `--tail` looks for the last lines in this span of time before now, then in spans eight times as long.
_FIRST_TAIL_SPAN = _CLOCK_SKEW
_TAIL_SPAN_FACTOR = 8

#: Following ends after this many polls without a line.
_QUIET_POLLS = 5
_QUIET_POLLS_OF_SOME_SCANS = 10

#: States of a scan whose job has ended.
ENDED = ("DONE", "FAILED")


class LogReader:
    """The log lines of a run's own jobs, and of adopted scans that are named or were in flight when the run began.

    Parameters
    ----------
    line_filter
        Which lines to return.
    now
        The clock, with its time zone.
    """

    def __init__(
        self,
        snapshots: SnapshotReader,
        *,
        logs: Logs,
        records: Records,
        streams: LogStreams,
        line_filter: LineFilter,
        now: Callable[[], datetime],
    ) -> None:
        self.run = snapshots.run
        self.snapshots = snapshots
        #: Whether the last call returned every line there is now; if not, the next call returns more at once.
        self.is_whole = False
        #: How many pages were read.
        self.pages = 0
        self._logs = logs
        self._streams = streams
        self.line_filter = line_filter
        self._now = now
        self._indices = _indices_with_lines(snapshots.on_s3) if line_filter.indices is None else line_filter.indices
        # The scans whose lines are returned: with `--failed` those that have failed so far.
        self._selected = frozenset() if line_filter.failed_only else self._indices
        #: The scans whose ends are reported.
        self.reported_indices = frozenset(self.run.remaining) if line_filter.indices is None else line_filter.indices
        self._is_run_over = self._are_named_over = False
        runs = _runs_of(self.run, self._indices, records)
        # One log group holds the lines of all runs: the streams of one model share a prefix.
        self._prefixes = sorted({f"{run.resources}/default/" for run in runs})
        earliest = min(datetime.fromisoformat(run.created_at) for run in runs) - _CLOCK_SKEW
        self._start_ms = max(_milliseconds(earliest), line_filter.since_ms or 0)
        # Whether the last of the existing lines are still looked for.
        self._seeks_last = line_filter.has_limit
        self._tail_span = _FIRST_TAIL_SPAN
        self._window = Window(self._tail_start_ms() if self._seeks_last else self._start_ms)
        self._sweep: Sweep | None = None
        self._count = 0
        self._held: list[tuple[LogEvent, StreamOwner]] = []
        #: Of all lines that are held or unidentified.
        self._characters = 0
        self._unidentified: dict[str, list[LogEvent]] = defaultdict(list)
        # The time of the first skipped line of each stream that was unknown or not selected.
        self._skipped_from_ms: dict[str, int] = {}
        # Streams that are read once more from there.
        self._reread: set[str] = set()

    def lines(self) -> list[LogLine]:
        """The lines that have come since the last call, by time; after a `Problem` the next call continues there.

        Raises
        ------
        Problem
            From AWS.
        """
        # Which scan a new stream belongs to is asked next: the submissions are read beside the first page.
        with self.snapshots.on_s3.reading_submissions():
            return self._lines()

    def _lines(self) -> list[LogLine]:
        self.is_whole = False
        if self._sweep is None:
            self._sweep = Sweep(self._logs, start_ms=self._window.start_ms(), stream_prefixes=self._prefixes)
        restarts = self._sweep.restarts
        for events in self._sweep.pages():
            if self._sweep.restarts > restarts:
                restarts = self._sweep.restarts
                self._window.begin_anew()
            self.pages += 1
            self._count += len(events)
            self._add(events)
            unidentified = sum(map(len, self._unidentified.values()))
            if unidentified > _MOST_HELD or self._characters > _MOST_HELD_CHARACTERS:
                self._identify_streams()
            if self._is_full():
                self._keep_last()
                if not self._seeks_last and self._is_full():
                    self._window.forget()
                    return self._release(len(self._held) // 2)
        self._identify_streams()
        self._window.finish(count=self._count)
        self._keep_last()
        self._sweep, self._count, self._reread = None, 0, set()
        if self._seeks_last and not self._has_last():
            return []
        self._reread_newly_selected()
        # The last lines of a stream wait until its first lines have been read.
        return [] if self._reread else self._release(len(self._held))

    def status(self) -> RunStatus:
        """The run's status: one call of Batch while nothing changes."""
        status = self.snapshots.counts()
        self._is_run_over = status.is_over and self.snapshots.jobs_are_over
        ended = {scan.index for scan in status.scans if scan.state in ENDED}
        self._are_named_over = self.line_filter.indices is not None and self.line_filter.indices <= ended
        if self.line_filter.failed_only:
            self._selected = self._indices & {scan.index for scan in status.failed}
        return status

    def ask_which_failed(self) -> None:
        """Read the run's status if `--failed` needs it to select lines."""
        if self.line_filter.failed_only:
            self.status()

    @property
    def has_scans(self) -> bool:
        """Whether any scan's lines are selected: with `--failed` there may be none."""
        return bool(self._selected)

    @property
    def names(self) -> list[str]:
        """The names of the scans whose lines may come."""
        return [self.run.scans[index] for index in sorted(self._indices)]

    @property
    def selected_names(self) -> list[str]:
        """The names of the scans whose lines are returned now: with `--failed` those that have failed so far."""
        return [self.run.scans[index] for index in sorted(self._selected)]

    @property
    def is_over(self) -> bool:
        """Whether the run, or every scan that was named, had ended by the last status."""
        return self._is_run_over or self._are_named_over

    @property
    def is_run_over(self) -> bool:
        """Whether Batch had ended every job of the run by the last status."""
        return self._is_run_over

    @property
    def quiet_polls(self) -> int:
        """How many polls without a line end the following: CloudWatch shows lines some seconds late."""
        # For named scans only results were checked, and a result may precede its job's last lines.
        return _QUIET_POLLS if self._is_run_over else _QUIET_POLLS_OF_SOME_SCANS

    def read_all_again(self) -> None:
        """Make the next `lines` read from the start, for late lines and for streams that were unknown before."""
        self._streams.identify(self._skipped_from_ms.keys(), is_last=True)
        self._reread_newly_selected()
        self._window.go_back(self._window.floor_ms)

    def _add(self, events: Iterable[LogEvent]) -> None:
        now_ms = _milliseconds(self._now())
        for event in events:
            # Passes overlap: most events were returned before.
            if self._window.has_shown(event.event_id):
                continue
            self._window.went_by(event.timestamp_ms, now_ms=now_ms)
            owner = self._streams.owner(event.stream)
            if owner is None:
                self._unidentified[event.stream].append(event)
                self._characters += len(event.message)
            else:
                self._hold(event, owner)

    def _hold(self, event: LogEvent, owner: StreamOwner) -> None:
        """Hold a selected line to return it later; skip any other."""
        if not self._is_selected(owner):
            self._skip(event)
        elif self.line_filter.takes(event.timestamp_ms, event.message) and self._window.is_new(
            event.event_id, event.timestamp_ms, again=event.stream in self._reread
        ):
            self._held.append((event, owner))
            self._characters += len(event.message)

    def _is_selected(self, owner: StreamOwner) -> bool:
        return owner.index in self._selected and self.line_filter.attempt in (None, owner.attempt)

    def _skip(self, event: LogEvent) -> None:
        known = self._skipped_from_ms.get(event.stream, event.timestamp_ms)
        self._skipped_from_ms[event.stream] = min(known, event.timestamp_ms)

    def _identify_streams(self) -> None:
        """Find the owners of unknown streams; hold the lines of those found, skip the others."""
        unknown = {stream for stream in self._skipped_from_ms if self._streams.owner(stream) is None}
        self._streams.identify(self._unidentified.keys() | unknown)
        for stream, events in self._unidentified.items():
            owner = self._streams.owner(stream)
            for event in events:
                if owner is None:
                    self._skip(event)
                else:
                    self._hold(event, owner)
        self._unidentified.clear()
        self._count_characters()

    def _reread_newly_selected(self) -> None:
        """Make the next pass start where skipped streams began that are selected now."""
        for stream in list(self._skipped_from_ms):
            owner = self._streams.owner(stream)
            if owner is not None and self._is_selected(owner):
                begin_ms = self._skipped_from_ms.pop(stream)
                if self.line_filter.failed_only:
                    # Its first lines may be older than anything that was read.
                    begin_ms = self._start_ms
                self._reread.add(stream)
                self._window.go_back(begin_ms)

    def _release(self, count: int) -> list[LogLine]:
        """Return the first held lines."""
        self._held.sort(key=_by_time)
        released, self._held = self._held[:count], self._held[count:]
        self._count_characters()
        self.is_whole = self._sweep is None
        names = self.run.scans
        return [
            LogLine(names[owner.index], event.timestamp_ms, event.message, event.stream, owner.attempt)
            for event, owner in released
        ]

    def _tail_start_ms(self) -> int:
        return max(self._start_ms, _milliseconds(self._now() - self._tail_span))

    def _is_full(self) -> bool:
        most = _MOST_HELD
        if self._seeks_last:
            most += (self.line_filter.last or 0) + (self.line_filter.tail or 0) * len(self._selected)
        return len(self._held) > most or self._characters > _MOST_HELD_CHARACTERS

    def _has_last(self) -> bool:
        """Whether the last lines were found; if not, the next pass begins earlier."""
        if self._window.floor_ms > self._start_ms and not self._is_enough():
            self._tail_span *= _TAIL_SPAN_FACTOR
            self._window.reach(self._tail_start_ms())
            return False
        self._seeks_last = False
        return True

    def _is_enough(self) -> bool:
        last, tail = self.line_filter.last, self.line_filter.tail
        count_by_scan = Counter(owner.index for _, owner in self._held)
        return (last is None or len(self._held) >= last) and (
            tail is None or all(count_by_scan[index] >= tail for index in self._selected)
        )

    def _keep_last(self) -> None:
        """Drop the held lines that come before the last ones: of the existing lines, and of streams read once more."""
        last, tail = self.line_filter.last, self.line_filter.tail
        if not self._seeks_last and (tail is None or not self._reread):
            return
        self._held.sort(key=_by_time)
        if self._seeks_last and last is not None:
            self._held = self._held[len(self._held) - min(len(self._held), last) :]
        if tail is not None:
            kept: list[tuple[LogEvent, StreamOwner]] = []
            count_by_scan: Counter[int] = Counter()
            for event, owner in reversed(self._held):
                is_limited = self._seeks_last or event.stream in self._reread
                count_by_scan[owner.index] += is_limited
                if not is_limited or count_by_scan[owner.index] <= tail:
                    kept.append((event, owner))
            self._held = kept[::-1]
        self._count_characters()

    def _count_characters(self) -> None:
        self._characters = sum(len(event.message) for event, _ in self._held)


def _by_time(held: tuple[LogEvent, StreamOwner]) -> tuple[int, int]:
    """Sort key: time, then the event id, which CloudWatch counts up within a millisecond."""
    event = held[0]
    return event.timestamp_ms, int(event.event_id) if event.event_id.isdecimal() and len(event.event_id) < 100 else 0


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _indices_with_lines(reader: RunReader) -> frozenset[int]:
    """The run's own scans, and the adopted ones that were in flight when it began."""
    run = reader.run
    remaining = frozenset(run.remaining)
    own = remaining.intersection(range(run.submitted_count))
    if own == remaining:
        return own
    results = reader.results()
    in_flight = [
        index
        for index in remaining - own
        if not (index in results and results[index].succeeded and results[index].stopped_at < run.created_at)
    ]
    # When every scan was done already, show the lines of the earlier jobs.
    return own.union(in_flight) or remaining


def _runs_of(run: Run, indices: Iterable[int], records: Records) -> list[Run]:
    """The run, and those whose jobs process these scans."""
    other_ids = {run.origin(index).run_id for index in indices} - {run.run_id}
    return [run, *(records.run(run_id) for run_id in sorted(other_ids))]
