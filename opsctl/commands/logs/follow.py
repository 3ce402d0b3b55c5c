"""`logs --follow`: yields a run's lines as they come, until the last job has written its last line."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from opsctl.commands.logs.reader import ENDED, LogReader
from opsctl.commands.retry import RetryPolicy
from opsctl.core.errors import Problem
from opsctl.core.logs.log_line import LogLine
from opsctl.core.runs.status import RunStatus, ScanStatus

#: If more scans than this were done before following began, only their number is reported.
_MOST_DONE_BEFORE = 20


@dataclass(frozen=True)
class ScanEnd:
    """A scan is done or has failed."""

    scan: ScanStatus


@dataclass(frozen=True)
class DoneBefore:
    """How many scans were done when following began."""

    count: int


@dataclass(frozen=True)
class NextAttempt:
    """A later attempt of a scan has written its first line."""

    scan: str
    attempt: int


@dataclass(frozen=True)
class PollFailed:
    """AWS does not answer at the moment; following continues."""

    problem: Problem


Event = LogLine | ScanEnd | DoneBefore | NextAttempt | PollFailed


def follow(
    reader: LogReader,
    *,
    sleep: Callable[[float], None],
    retry: RetryPolicy,
    status_polls: int = 1,
    late_polls: int = 0,
    has_late_lines: bool = True,
) -> Iterator[Event]:
    """Yield a run's lines as they come, and each scan's end, until the run has ended and its last lines are read.

    Parameters
    ----------
    status_polls
        Batch is asked for the run's status once in this many polls.
    late_polls
        How many polls more lines may come late. They are not waited for where the run was over from the beginning and
        has lines.
    has_late_lines
        Whether lines may come after the end of their job, as on AWS. The local platform has a job's lines before it
        says that the job has ended: none are waited for.

    Raises
    ------
    Problem
        For a fault that is not transient, such as a refusal or a deleted log group, or one that lasts too long.
    """
    order = _EventOrder(reader)
    polls_to_status = quiet_polls = 0
    is_last_due = is_last = has_seen_jobs = has_lines = False
    while True:
        try:
            if is_last_due:
                reader.read_all_again()
                is_last_due, is_last = False, True
            elif not is_last and polls_to_status <= 0:
                # Status before lines: a job's lines are then read before its end is reported.
                yield from order.note_ended(reader.status())
                has_seen_jobs = has_seen_jobs or not reader.is_over
                polls_to_status = status_polls
            lines = reader.lines()
        except Problem as problem:
            if retry.record_fault(problem, progress=reader.pages):
                yield PollFailed(problem)
            polls_to_status = 0
            sleep(retry.pause)
            continue
        retry.record_success()
        polls_to_status -= 1
        yield from order.events_of(lines)
        if not reader.is_whole:
            continue
        if is_last:
            yield from order.remaining_ends()
            return
        has_lines = has_lines or bool(lines)
        quiet_polls = quiet_polls + 1 if not lines and reader.is_over else 0
        if reader.is_run_over and not has_late_lines:
            # The status was asked for before these lines.
            is_last_due = True
        else:
            is_last_due = quiet_polls >= reader.quiet_polls + (late_polls if has_seen_jobs or not has_lines else 0)
        if not is_last_due:
            sleep(retry.pause)


class _EventOrder:
    """Orders the events so that each scan's end comes once, after the scan's last line."""

    def __init__(self, reader: LogReader) -> None:
        self._reader = reader
        self._unreported: dict[int, ScanStatus] = {}
        self._reported: set[int] | None = None
        self._attempts: dict[str, int] = {}

    def note_ended(self, status: RunStatus) -> Iterator[Event]:
        """Remember which scans have ended; the first time, yield how many were done before."""
        ended = [scan for scan in status.scans if scan.state in ENDED and scan.index in self._reader.reported_indices]
        if self._reported is None:
            done = {scan.index for scan in ended if scan.state == "DONE"}
            self._reported = done if len(done) > _MOST_DONE_BEFORE else set()
            if self._reported:
                yield DoneBefore(len(done))
        self._unreported |= {scan.index: scan for scan in ended if scan.index not in self._reported}

    def events_of(self, lines: Sequence[LogLine]) -> Iterator[Event]:
        """The lines, then the ends of those scans that have none among them."""
        for line in lines:
            if line.attempt > self._attempts.get(line.scan, line.attempt):
                yield NextAttempt(line.scan, line.attempt)
            self._attempts[line.scan] = line.attempt
            yield line
        if self._reader.is_whole:
            with_lines = {line.scan for line in lines}
            yield from self._ends([scan for scan in self._unreported.values() if scan.name not in with_lines])

    def remaining_ends(self) -> Iterator[Event]:
        """The ends that were not reported yet."""
        yield from self._ends(list(self._unreported.values()))

    def _ends(self, ended: Sequence[ScanStatus]) -> Iterator[Event]:
        for scan in sorted(ended, key=lambda scan: scan.index):
            del self._unreported[scan.index]
            if self._reported is not None:
                self._reported.add(scan.index)
            yield ScanEnd(scan)
