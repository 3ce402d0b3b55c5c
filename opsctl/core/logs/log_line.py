"""Log lines of scans' jobs, and the filters on them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class LogLine:
    """One log line of a scan's job.

    Attributes
    ----------
    attempt
        Number of the scan's attempt, from 1.
    """

    scan: str
    timestamp_ms: int
    message: str
    stream: str
    attempt: int = 1

    @property
    def time(self) -> str:
        """UTC, ISO 8601, to the millisecond."""
        moment = datetime.fromtimestamp(self.timestamp_ms / 1000, UTC)
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def as_json(self) -> dict[str, Any]:
        """A line of `logs --json`."""
        return {
            "time": self.time,
            "scan": self.scan,
            "attempt": self.attempt,
            "stream": self.stream,
            "message": self.message,
        }


class Grep:
    """A pattern that matches a line as a regular expression or as plain text.

    Parameters
    ----------
    pattern
        As typed. An invalid regular expression such as `(` is plain text only.
    """

    def __init__(self, pattern: str) -> None:
        self._text = pattern
        try:
            self._expression = re.compile(pattern)
        except re.error:
            self._expression = re.compile(re.escape(pattern))

    def matches(self, message: str) -> bool:
        """Whether a line contains the pattern."""
        return self._text in message or self._expression.search(message) is not None


@dataclass(frozen=True, kw_only=True)
class LineFilter:
    """Which of a run's lines to show.

    Attributes
    ----------
    indices
        Indices of the scans to show; None: all that the run submitted itself.
    failed_only
        Show only the failed ones of these scans.
    attempt
        Show only this attempt.
    since_ms
        Show only lines from this time on; milliseconds since 1970.
    tail
        Show only this many of each scan's last existing lines, and of a scan that fails later; None: all.
    last
        Show only this many of the last existing lines of all scans together; None: all.
    """

    indices: frozenset[int] | None = None
    failed_only: bool = False
    attempt: int | None = None
    since_ms: int | None = None
    grep: Grep | None = None
    tail: int | None = None
    last: int | None = None

    @property
    def is_narrow(self) -> bool:
        """Whether the filter may omit every line of a scan that it shows."""
        limits = (self.attempt, self.since_ms, self.grep)
        return any(limit is not None for limit in limits) or 0 in (self.tail, self.last)

    @property
    def has_limit(self) -> bool:
        """Whether only the last of the existing lines are shown."""
        return self.tail is not None or self.last is not None

    def takes(self, timestamp_ms: int, message: str) -> bool:
        """Whether to show a line of a stream that is shown."""
        return (self.since_ms is None or timestamp_ms >= self.since_ms) and (
            self.grep is None or self.grep.matches(message)
        )
