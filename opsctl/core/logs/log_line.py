"""One line of one scan's job, and which lines are wanted."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of one scan's job.

    Attributes
    ----------
    attempt
        Which of the scan's, from 1.
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
        """One object a line of `logs --json`."""
        return {
            "time": self.time,
            "scan": self.scan,
            "attempt": self.attempt,
            "stream": self.stream,
            "message": self.message,
        }


class Grep:
    """What a line must contain: a regular expression found in it, or the pattern itself as plain text.

    Parameters
    ----------
    pattern
        As typed; `(` alone is no regular expression, and is plain text only.
    """

    def __init__(self, pattern: str) -> None:
        self._text = pattern
        try:
            self._expression = re.compile(pattern)
        except re.error:
            self._expression = re.compile(re.escape(pattern))

    def matches(self, message: str) -> bool:
        """Whether a line is wanted."""
        return self._text in message or self._expression.search(message) is not None


@dataclass(frozen=True, kw_only=True)
class LineFilter:
    """Which of a run's lines are to be shown.

    Attributes
    ----------
    indices
        The scans that were named; None: all that are the run's own.
    failed_only
        Of those, the ones that have failed.
    attempt
        Only this attempt's.
    since_ms
        Only from this moment on.
    tail
        Of what is there already, so many of the last; None: all.
    """

    indices: frozenset[int] | None = None
    failed_only: bool = False
    attempt: int | None = None
    since_ms: int | None = None
    grep: Grep | None = None
    tail: int | None = None

    @property
    def is_narrow(self) -> bool:
        """Whether lines that are there may be left out."""
        return any(one is not None for one in (self.indices, self.attempt, self.since_ms, self.grep)) or self.tail == 0

    def takes(self, timestamp_ms: int, message: str) -> bool:
        """Whether a line of a stream that is wanted is wanted itself."""
        return (self.since_ms is None or timestamp_ms >= self.since_ms) and (
            self.grep is None or self.grep.matches(message)
        )
