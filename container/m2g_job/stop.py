"""The request to stop: SIGTERM (Spot reclaim, timeout, cancelled job), kept where loops can ask for it."""

from __future__ import annotations

import signal
import threading
import time
from typing import Callable

from m2g_job import causes
from m2g_job.faults import Stopped

_POLL_SECONDS = 0.2


class StopRequest:
    """The first SIGTERM or SIGINT that the process received, if any.

    The handler only stores the signal. An exception raised in it would interrupt thread joins and half-written files,
    and a `threading.Event` may deadlock when the handler sets it in the thread that waits for it.
    """

    def __init__(self) -> None:
        self._signal = 0
        self._received_at = 0.0

    def install_handlers(self) -> None:
        """Handle SIGTERM and SIGINT. As process 1 of a container the runner would otherwise ignore SIGTERM."""
        signal.signal(signal.SIGTERM, self._handle)
        signal.signal(signal.SIGINT, self._handle)

    def _handle(self, number: int, _frame: object) -> None:
        if not self._signal:
            self._signal, self._received_at = number, time.monotonic()

    @property
    def received(self) -> bool:
        """Whether a signal has come."""
        return self._signal != 0

    @property
    def fault(self) -> Stopped:
        """The signal as the fault that it ends the job with."""
        if self._signal == signal.SIGINT:
            return Stopped("stopped by SIGINT (Ctrl-C)", causes.INTERRUPTED, signal="SIGINT")
        return Stopped(
            "stopped by SIGTERM (Spot reclaim, a timeout, or a cancelled job)", causes.STOPPED, signal="SIGTERM"
        )

    def check(self, *, grace_seconds: float = 0.0) -> None:
        """Raise `Stopped` where a signal came `grace_seconds` ago or earlier."""
        if self._signal and time.monotonic() - self._received_at >= grace_seconds:
            raise self.fault

    def call_after(self, seconds: float, action: Callable[[], None]) -> None:
        """Call `action` once, in a thread of its own, `seconds` after a signal; never where none comes."""

        def watch() -> None:
            while not self._signal or time.monotonic() - self._received_at < seconds:
                time.sleep(_POLL_SECONDS)
            action()

        threading.Thread(target=watch, name="forced exit", daemon=True).start()

    def sleep(self, seconds: float) -> None:
        """Sleep `seconds`; raise `Stopped` as soon as a signal has come."""
        end = time.monotonic() + seconds
        while True:
            self.check()
            remaining = end - time.monotonic()
            if remaining <= 0:
                return
            time.sleep(min(remaining, _POLL_SECONDS))
