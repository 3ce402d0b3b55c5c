"""A run's log lines, in order, none lost and none twice."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from opsctl.aws.logs import LogEvent, Logs, Sweep
from opsctl.commands.logs.streams import LogStreams, StreamOwner
from opsctl.commands.runs.records import Records
from opsctl.commands.runs.run_reader import RunReader
from opsctl.commands.runs.status import StatusReader
from opsctl.core.logs.log_line import LineFilter, LogLine
from opsctl.core.logs.window import Window
from opsctl.core.runs.manifest import Run
from opsctl.core.runs.status import RunStatus

#: A run is recorded by one clock and its lines by others.
_CLOCKS_DIFFER = timedelta(minutes=15)

#: Lines wait for the pass's end, so that they are in order, but not more than these.
_MOST_HELD = 200_000

#: The last lines are looked for in the last quarter of an hour by our clock, then in two hours, and so on.
_FIRST_LOOK = _CLOCKS_DIFFER
_LOOKS_GROW = 8

_QUIET_POLLS = 5
_QUIET_POLLS_OF_SOME = 10

#: States of a scan of which no job runs any more.
ENDED = ("DONE", "FAILED")


class LogReader:
    """A run's lines: those of its own jobs, and of the scans that it adopted on their way, or that are named.

    Parameters
    ----------
    reader
        The run's facts.
    states
        Where it stands.
    streams
        Whose the streams are.
    wanted
        Which lines.
    now
        The clock, with its zone.
    """

    def __init__(
        self,
        reader: RunReader,
        states: StatusReader,
        *,
        logs: Logs,
        records: Records,
        streams: LogStreams,
        wanted: LineFilter,
        now: Callable[[], datetime],
    ) -> None:
        self.run = reader.run
        self.states = states
        #: Whether the last call brought all that is there now; else there is more to be had at once.
        self.is_whole = False
        #: How many pages were read.
        self.pages = 0
        self._logs = logs
        self._streams = streams
        self.wanted = wanted
        self._now = now
        self._indices = _indices_with_lines(reader) if wanted.indices is None else wanted.indices
        self._shown = frozenset() if wanted.failed_only else self._indices
        #: The scans whose ends are worth telling.
        self.meant = frozenset(range(len(self.run.scans))) if wanted.indices is None else wanted.indices
        self._is_run_over = self._are_named_over = False
        runs = _runs_of(self.run, self._indices, records)
        # One group holds the lines of all runs: those of one model share a prefix.
        self._prefixes = sorted({f"{run.resources}/default/" for run in runs})
        origin = min(datetime.fromisoformat(run.created_at) for run in runs) - _CLOCKS_DIFFER
        self._origin_ms = max(_milliseconds(origin), wanted.since_ms or 0)
        self._tail = wanted.tail
        self._look = _FIRST_LOOK
        self._window = Window(self._look_back_ms() if self._tail is not None else self._origin_ms)
        self._sweep: Sweep | None = None
        self._count = 0
        self._held: list[tuple[LogEvent, StreamOwner]] = []
        self._unknown: dict[str, list[LogEvent]] = defaultdict(list)
        # Streams that had lines when they were not known or not wanted: the earliest line of each.
        self._passed_over: dict[str, int] = {}
        self._again: set[str] = set()

    def lines(self) -> list[LogLine]:
        """The lines that have come since the last call, by time; after a `Problem` it goes on where it stopped.

        Raises
        ------
        Problem
            From AWS.
        """
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
            self._take(events)
            if sum(map(len, self._unknown.values())) > _MOST_HELD:
                self._settle()
            if self._tail is not None and len(self._held) > _MOST_HELD + self._tail:
                self._keep_tail()
            if self._tail is None and len(self._held) > _MOST_HELD:
                self._window.forget()
                return self._given(len(self._held) // 2)
        self._settle()
        self._window.finish(count=self._count)
        self._sweep, self._count, self._again = None, 0, set()
        if self._tail is not None and not self._has_tail():
            return []
        self._go_back_for_what_is_wanted_now()
        # Where a stream's first lines are still to be read, its last ones wait for them.
        return [] if self._again else self._given(len(self._held))

    def status(self) -> RunStatus:
        """Where the run stands: one call while nothing changes."""
        found = self.states.states()
        self._is_run_over = found.is_over and self.states.jobs_are_over
        ended = {scan.index for scan in found.scans if scan.state in ENDED}
        self._are_named_over = self.wanted.indices is not None and self.wanted.indices <= ended
        if self.wanted.failed_only:
            self._shown = self._indices & {scan.index for scan in found.failed}
        return found

    def ask_which_failed(self) -> None:
        """Ask where the run stands, if that says whose lines are wanted."""
        if self.wanted.failed_only:
            self.status()

    @property
    def has_scans(self) -> bool:
        """Whether any scan's lines are wanted at all: none may have failed."""
        return bool(self._shown)

    @property
    def names(self) -> list[str]:
        """The scans whose lines may come."""
        return [self.run.scans[index] for index in sorted(self._indices)]

    @property
    def is_over(self) -> bool:
        """Whether, by the last status, the run is over, or the scans that were named are."""
        return self._is_run_over or self._are_named_over

    @property
    def quiet_polls(self) -> int:
        """After so many polls without a line it is over: CloudWatch shows lines some seconds late."""
        # A result may stand before its job's last words, and of some jobs only the results were looked at.
        return _QUIET_POLLS if self._is_run_over else _QUIET_POLLS_OF_SOME

    def look_again(self) -> None:
        """Everything is read once more by the next `lines`: what CloudWatch shows very late, and what was not known."""
        self._streams.learn(self._passed_over.keys(), is_last=True)
        self._go_back_for_what_is_wanted_now()
        self._window.go_back(self._window.floor_ms)

    def _take(self, events: Iterable[LogEvent]) -> None:
        now_ms = _milliseconds(self._now())
        for event in events:
            # Of each pass most was read by the one before.
            if self._window.has_shown(event.event_id):
                continue
            self._window.went_by(event.timestamp_ms, now_ms=now_ms)
            place = self._streams.place(event.stream)
            if place is None:
                self._unknown[event.stream].append(event)
            else:
                self._hold(event, place)

    def _hold(self, event: LogEvent, place: StreamOwner) -> None:
        if not self._is_wanted(place):
            self._pass_over(event)
        elif self.wanted.takes(event.timestamp_ms, event.message) and self._window.is_new(
            event.event_id, event.timestamp_ms, again=event.stream in self._again
        ):
            self._held.append((event, place))

    def _is_wanted(self, place: StreamOwner) -> bool:
        return place.index in self._shown and self.wanted.attempt in (None, place.attempt)

    def _pass_over(self, event: LogEvent) -> None:
        known = self._passed_over.get(event.stream, event.timestamp_ms)
        self._passed_over[event.stream] = min(known, event.timestamp_ms)

    def _settle(self) -> None:
        """Show the lines of streams that were not known as the page came; of the others remember where they began."""
        strangers = {stream for stream in self._passed_over if self._streams.place(stream) is None}
        self._streams.learn(self._unknown.keys() | strangers)
        for stream, events in self._unknown.items():
            place = self._streams.place(stream)
            for event in events:
                if place is None:
                    self._pass_over(event)
                else:
                    self._hold(event, place)
        self._unknown.clear()

    def _go_back_for_what_is_wanted_now(self) -> None:
        """Let the next pass begin where streams began that are wanted only since."""
        for stream in list(self._passed_over):
            place = self._streams.place(stream)
            if place is not None and self._is_wanted(place):
                begun_ms = self._passed_over.pop(stream)
                if self.wanted.failed_only:
                    # Its first lines may be older than anything that was read.
                    begun_ms = self._origin_ms
                self._again.add(stream)
                self._window.go_back(begun_ms)

    def _given(self, count: int) -> list[LogLine]:
        self._held.sort(key=_by_time)
        given, self._held = self._held[:count], self._held[count:]
        self.is_whole = self._sweep is None
        names = self.run.scans
        return [
            LogLine(names[place.index], event.timestamp_ms, event.message, event.stream, place.attempt)
            for event, place in given
        ]

    def _look_back_ms(self) -> int:
        return max(self._origin_ms, _milliseconds(self._now() - self._look))

    def _has_tail(self) -> bool:
        """Whether the last lines are found; else the next pass looks further back."""
        assert self._tail is not None  # noqa: S101 it is asked only then
        if len(self._held) < self._tail and self._window.floor_ms > self._origin_ms:
            self._look *= _LOOKS_GROW
            self._window.reach(self._look_back_ms())
            return False
        self._keep_tail()
        self._tail = None
        return True

    def _keep_tail(self) -> None:
        self._held.sort(key=_by_time)
        self._held = self._held[len(self._held) - min(len(self._held), self._tail or 0) :]


def _by_time(held: tuple[LogEvent, StreamOwner]) -> tuple[int, int]:
    """By time; lines of one millisecond by their ids, which CloudWatch counts up."""
    event = held[0]
    return event.timestamp_ms, int(event.event_id) if event.event_id.isdecimal() else 0


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _indices_with_lines(reader: RunReader) -> frozenset[int]:
    """The run's own scans, and those whose jobs it adopted while they were on their way."""
    run = reader.run
    own = frozenset(range(run.submitted_count))
    if len(own) == len(run.scans):
        return own
    results = reader.results()
    adopted = [
        index
        for index in range(run.submitted_count, len(run.scans))
        if not (index in results and results[index].succeeded and results[index].stopped_at < run.created_at)
    ]
    # Where everything was done already, what is there to be read are the earlier jobs' lines.
    return own.union(adopted) or frozenset(range(len(run.scans)))


def _runs_of(run: Run, indices: Iterable[int], records: Records) -> list[Run]:
    """The runs whose jobs do these scans."""
    others = {run.origin(index).run_id for index in indices} - {run.run_id}
    return [run, *(records.run(run_id) for run_id in sorted(others))]
