"""Ctrl-C while a child must come to a good end: counted, and handed on, instead of breaking opsctl off."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


class Interrupts:
    """How often somebody has pressed Ctrl-C while children were at work.

    Parameters
    ----------
    say
        Tells the person at once what the key has done.

    Attributes
    ----------
    count
        Grows by one with each; whoever runs a child hands the same number on to it.
    """

    def __init__(self, say: Callable[[str], None] = lambda _: None) -> None:
        self.count = 0
        self._say = say
        self._told = 0
        self._lock = threading.Lock()
        self._is_counting = False

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Take Ctrl-C for the children, while the block lasts. In a thread the main thread must have begun it."""
        if self._is_counting or threading.current_thread() is not threading.main_thread():
            yield
            return
        previous = signal.signal(signal.SIGINT, self._more)
        self._is_counting = True
        try:
            yield
        finally:
            self._is_counting = False
            signal.signal(signal.SIGINT, previous)

    def tell(self, words: str) -> None:
        """Say something about the latest one, once, whichever of the children hears of it first."""
        with self._lock:
            if self._told >= self.count:
                return
            self._told = self.count
        self._say(words)

    def _more(self, *_: Any) -> None:
        # Only counted: to print from within a signal's handler may meet a half-printed line.
        self.count += 1
