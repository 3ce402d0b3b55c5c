"""Whether a job's lines arrive in CloudWatch, and the last of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from opsctl.aws.logs import Logs, Sweep
from opsctl.core.errors import ErrorCode, Problem
from opsctl.core.selftest.check_table import remedy_of, title_of
from opsctl.core.selftest.report import Row
from opsctl.core.selftest.result import Verdict

#: CloudWatch shows a line some seconds after it was written, at times half a minute.
_LATEST_SECONDS = 60.0
_PAUSE_SECONDS = 3.0
_LAST_LINES = 10


class LogLineSearch:
    """Looks for the line of one job.

    Parameters
    ----------
    start_ms
        When the job was submitted, milliseconds since 1970, UTC.
    sleep, clock
        The passing of time: `clock` in seconds, never set back.
    """

    def __init__(
        self, logs: Logs, *, stream: str, start_ms: int, sleep: Callable[[float], None], clock: Callable[[], float]
    ) -> None:
        self._logs = logs
        self._stream = stream
        self._start_ms = start_ms
        self._sleep = sleep
        self._clock = clock

    def row(self, text: str) -> Row:
        """Ask for up to a minute whether a line that contains a text has arrived."""
        started = self._clock()

        def row(verdict: Verdict, detail: str) -> Row:
            remedy = remedy_of("logs") if verdict == "failed" else ""
            return Row(
                check="logs",
                group="logs",
                title=title_of("logs"),
                verdict=verdict,
                detail=detail,
                seconds=self._clock() - started,
                remedy=remedy,
            )

        while True:
            try:
                if any(text in line for line in self._lines()):
                    return row("fine", "The job's lines are in CloudWatch.")
            except Problem as problem:
                if problem.code is ErrorCode.AWS_DENIED:
                    return row("not_checked", f"Hidden from you: {problem.what}")
                if problem.code is ErrorCode.AWS_NOT_FOUND:
                    return row("failed", problem.what)
                raise
            if self._clock() - started >= _LATEST_SECONDS:
                return row("failed", f"No line of the job is in CloudWatch after {_LATEST_SECONDS:.0f} s.")
            self._sleep(_PAUSE_SECONDS)

    def last_lines(self) -> tuple[str, ...]:
        """The last lines of the job; empty where there are none, or they cannot be read."""
        try:
            return tuple(deque(self._lines(), maxlen=_LAST_LINES))
        except Problem:
            return ()

    def _lines(self) -> list[str]:
        sweep = Sweep(self._logs, start_ms=self._start_ms, stream_prefixes=[self._stream])
        events = {event.event_id: event for page in sweep.pages() for event in page}
        ordered = sorted(events.values(), key=lambda event: (event.timestamp_ms, event.event_id))
        return [event.message for event in ordered]
