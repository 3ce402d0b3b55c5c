"""The server's clock, which is this machine's: what was signed just before somebody set it is still understood."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

#: Longer than a request is under way. The clocks drift apart by less than the second.
_REMEMBERED_SECONDS, _STEP_SECONDS = 60.0, 1.0


class ServerClock:
    """Tells the time, and for a minute after each step of the clock also the time that it would be without that step.

    Parameters
    ----------
    now, monotonic
        The clock that may be set, and one that nobody sets.
    """

    def __init__(
        self,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._now, self._monotonic = now, monotonic
        self._lock = threading.Lock()
        self._zero = self._zero_at_present()
        #: The zeros before each step, and when it was noticed.
        self._earlier: list[tuple[datetime, float]] = []

    def times(self) -> tuple[datetime, ...]:
        """The time, then the times by the clock before its latest steps; UTC."""
        with self._lock:
            zero, elapsed = self._zero_at_present(), self._monotonic()
            if abs((zero - self._zero).total_seconds()) > _STEP_SECONDS:
                self._earlier.append((self._zero, elapsed))
            self._zero = zero
            self._earlier = [step for step in self._earlier if elapsed - step[1] < _REMEMBERED_SECONDS]
            return tuple(start + timedelta(seconds=elapsed) for start in (zero, *(step[0] for step in self._earlier)))

    def _zero_at_present(self) -> datetime:
        """When the clock that nobody sets would have been at 0."""
        return self._now() - timedelta(seconds=self._monotonic())
