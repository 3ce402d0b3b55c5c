"""Count Ctrl-C while child processes must finish, instead of stopping opsctl."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

_LATE_SECONDS = 0.5


class Interrupts:
    """Counts Ctrl-C while child processes run.

    Parameters
    ----------
    say
        Called with a sentence for the user.

    Attributes
    ----------
    count
        How often Ctrl-C was pressed; whoever runs a child passes the signals on to it.
    """

    def __init__(self, say: Callable[[str], None] = lambda _: None) -> None:
        self.count = 0
        #: Whether a command that creates or removes something has begun: then "Nothing was changed" is not true.
        self.has_changed = False
        self._say = say
        self._announced = 0
        self._counted_at = 0.0
        self._lock = threading.Lock()
        self._is_counting = False

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Count Ctrl-C while the block runs. In another thread this does nothing: the main thread must count."""
        if self._is_counting or threading.current_thread() is not threading.main_thread():
            yield
            return
        previous = signal.signal(signal.SIGINT, self._increment)
        self._is_counting = True
        try:
            yield
        finally:
            self._is_counting = False
            signal.signal(signal.SIGINT, previous)

    def tell(self, message: str) -> None:
        """Say a message about the latest Ctrl-C, unless another child has said one about it."""
        with self._lock:
            if self._announced >= self.count:
                return
            self._announced = self.count
        self._say(message)

    def tell_late(self, message: str) -> None:
        """Say a message about a Ctrl-C of which no child has said anything within half a second."""
        if self.count and time.monotonic() > self._counted_at + _LATE_SECONDS:
            self.tell(message)

    def _increment(self, *_: Any) -> None:
        # Nothing is printed here: the signal may arrive in the middle of a print.
        self.count += 1
        self._counted_at = time.monotonic()
