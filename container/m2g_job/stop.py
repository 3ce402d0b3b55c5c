"""The wish to stop: SIGTERM (Spot reclaim, timeout, cancelled job) as something that loops look at."""

from __future__ import annotations

import signal
import threading
import time
from typing import Callable

from m2g_job.faults import Stopped

_LOOK_SECONDS = 0.2


class Stop:
    """Remembers the first signal; whoever waits or loops asks it.

    The handler only notes the signal: raising from it would strike threads' joins and half-written files, and a
    threading.Event may deadlock when it is set by a handler in the very thread that waits for it.
    """

    def __init__(self) -> None:
        self._signal = 0
        self._at = 0.0

    def listen(self) -> None:
        """Install the handlers. As process 1 of a container nothing else would act on SIGTERM."""
        signal.signal(signal.SIGTERM, self._note)
        signal.signal(signal.SIGINT, self._note)

    def _note(self, number: int, _frame: object) -> None:
        if not self._signal:
            self._signal, self._at = number, time.monotonic()

    @property
    def wanted(self) -> bool:
        """Whether a signal has come."""
        return self._signal != 0

    @property
    def cause(self) -> str:
        """The signal in words."""
        if self._signal == signal.SIGINT:
            return "stopped by SIGINT (Ctrl-C)"
        return "stopped by SIGTERM (Spot reclaim, a timeout, or a cancelled job)"

    def check(self, *, grace_seconds: float = 0.0) -> None:
        """Raise `Stopped` where a signal came `grace_seconds` ago or earlier."""
        if self._signal and time.monotonic() - self._at >= grace_seconds:
            raise Stopped(self.cause)

    def after(self, seconds: float, do: Callable[[], None]) -> None:
        """Call `do` once, in a thread of its own, when a signal came `seconds` ago and the process still lives."""

        def watch() -> None:
            while not self._signal or time.monotonic() - self._at < seconds:
                time.sleep(_LOOK_SECONDS)
            do()

        threading.Thread(target=watch, name="last word", daemon=True).start()

    def wait(self, seconds: float) -> None:
        """Sleep `seconds`, or shorter: `Stopped` is raised as soon as a signal has come."""
        end = time.monotonic() + seconds
        while True:
            self.check()
            left = end - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(left, _LOOK_SECONDS))
