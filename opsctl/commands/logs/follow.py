"""`logs --follow`: a run's lines as they come, until its last job has said its last word."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from opsctl.commands.logs.reader import ENDED, LogReader
from opsctl.commands.retry import RetryPolicy
from opsctl.core.errors import Problem
from opsctl.core.logs.log_line import LogLine
from opsctl.core.runs.status import RunStatus, ScanStatus

#: More scans than these that were done before are told by their number.
_MOST_ENDS = 20


@dataclass(frozen=True)
class ScanEnd:
    """A scan is done or has failed."""

    scan: ScanStatus


@dataclass(frozen=True)
class DoneBefore:
    """So many scans were done when following began."""

    count: int


@dataclass(frozen=True)
class NextAttempt:
    """A scan is tried again, and says its first line."""

    scan: str
    attempt: int


@dataclass(frozen=True)
class PollFailed:
    """AWS gives no answer for now; following goes on."""

    problem: Problem


Event = LogLine | ScanEnd | DoneBefore | NextAttempt | PollFailed


def follow(
    reader: LogReader, *, sleep: Callable[[float], None], retry: RetryPolicy, status_polls: int = 1
) -> Iterator[Event]:
    """A run's lines as they come, and each scan's end, until the run has ended and its last lines are read.

    Parameters
    ----------
    sleep
        Waits; injected so that following is a plain test.
    endurance
        How long between two polls, and how many faults.
    status_polls
        Once in so many polls Batch is asked where the run stands.

    Raises
    ------
    Problem
        For what does not pass by itself: a refusal, or a log group that is gone.
    """
    story = _Story(reader)
    polls_left = quiet = 0
    is_last_due = is_last = False
    while True:
        try:
            if is_last_due:
                reader.look_again()
                is_last_due, is_last = False, True
            elif not is_last and polls_left <= 0:
                # The state first: lines written before a job's end are then read before its end is told.
                yield from story.ends_of(reader.status())
                polls_left = status_polls
            fresh = reader.lines()
        except Problem as problem:
            if retry.fault(problem, progress=reader.pages):
                yield PollFailed(problem)
            polls_left = 0
            sleep(retry.pause)
            continue
        retry.answered()
        polls_left -= 1
        yield from story.told(fresh)
        if not reader.is_whole:
            continue
        if is_last:
            yield from story.last_ends()
            return
        quiet = quiet + 1 if not fresh and reader.is_over else 0
        is_last_due = quiet == reader.quiet_polls
        if not is_last_due:
            sleep(retry.pause)


class _Story:
    """The lines and ends that were told, so that each end comes once, after its scan's last line."""

    def __init__(self, reader: LogReader) -> None:
        self._reader = reader
        self._waiting: dict[int, ScanStatus] = {}
        self._told: set[int] | None = None
        self._attempts: dict[str, int] = {}

    def ends_of(self, status: RunStatus) -> Iterator[Event]:
        """Remember which scans have ended."""
        ended = [scan for scan in status.scans if scan.state in ENDED and scan.index in self._reader.meant]
        if self._told is None:
            done = {scan.index for scan in ended if scan.state == "DONE"}
            self._told = done if len(done) > _MOST_ENDS else set()
            if self._told:
                yield DoneBefore(len(done))
        self._waiting |= {scan.index: scan for scan in ended if scan.index not in self._told}

    def told(self, lines: Sequence[LogLine]) -> Iterator[Event]:
        """Lines, and the ends of those scans that had none among them."""
        for line in lines:
            if line.attempt > self._attempts.get(line.scan, line.attempt):
                yield NextAttempt(line.scan, line.attempt)
            self._attempts[line.scan] = line.attempt
            yield line
        if self._reader.is_whole:
            talking = {line.scan for line in lines}
            yield from self._tell([scan for scan in self._waiting.values() if scan.name not in talking])

    def last_ends(self) -> Iterator[Event]:
        """All that were not told."""
        yield from self._tell(list(self._waiting.values()))

    def _tell(self, ended: Sequence[ScanStatus]) -> Iterator[Event]:
        for scan in sorted(ended, key=lambda scan: scan.index):
            del self._waiting[scan.index]
            if self._told is not None:
                self._told.add(scan.index)
            yield ScanEnd(scan)
