"""Work in threads that is waited for, or stopped: the first error ends it and is told to whoever waits."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Thread

#: So often a wait looks whether Ctrl-C was pressed.
LOOK_SECONDS = 0.2


class Background:
    """What begins nothing more after its first error, or once it is stopped."""

    def __init__(self) -> None:
        self._threads: list[Thread] = []
        self._error: BaseException | None = None
        self._is_stopped = False

    def wait(self) -> None:
        """Wait until all is done.

        Raises
        ------
        BaseException
            The first error of the work, or of the iterable that it comes from.
        """
        self._join()
        if self._error is not None:
            raise self._error

    def stop(self, *, at_most_seconds: float | None = None) -> None:
        """Begin nothing more, and wait for what is under way: for a time, or until it ends."""
        self._is_stopped = True
        self._join(at_most_seconds)

    def _join(self, at_most_seconds: float | None = None) -> None:
        end = None if at_most_seconds is None else time.monotonic() + at_most_seconds
        # The list may grow while the threads run.
        for thread in self._threads:
            while thread.is_alive() and (end is None or time.monotonic() < end):
                thread.join(LOOK_SECONDS)


def started(run: Callable[[], None]) -> Thread:
    """A thread that runs; a process that ends does not wait for it, since it may wait for the network."""
    thread = Thread(target=run, daemon=True)
    thread.start()
    return thread
