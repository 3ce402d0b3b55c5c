"""Threads that take their work from an iterable while they do it, so that it is never held as a whole."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from threading import Lock, Thread
from typing import Generic, TypeVar

_Item = TypeVar("_Item")
#: So often a wait looks whether Ctrl-C was pressed.
_LOOK_SECONDS = 0.2


class Workers(Generic[_Item]):
    """Does the same work for many items in several threads; after the first error no further one is begun.

    Parameters
    ----------
    work
        Called with each item.
    items
        Taken one by one by the threads, never two at the same moment.
    most_threads
        No more are started than there are items.
    """

    def __init__(self, work: Callable[[_Item], None], items: Iterable[_Item], *, most_threads: int) -> None:
        self._work = work
        self._items: Iterator[_Item] = iter(items)
        self._most_threads = most_threads
        self._threads: list[Thread] = []
        self._lock = Lock()
        self._error: BaseException | None = None
        self._is_stopped = False
        self._start_thread()

    def wait(self) -> None:
        """Wait until all is done.

        Raises
        ------
        BaseException
            The first error of an item, or of the iterable.
        """
        self._join()
        if self._error is not None:
            raise self._error

    def stop(self, *, at_most_seconds: float | None = None) -> None:
        """Begin no further item, and wait for those that are under way: for a time, or until they end."""
        self._is_stopped = True
        self._join(at_most_seconds)

    def _join(self, at_most_seconds: float | None = None) -> None:
        end = None if at_most_seconds is None else time.monotonic() + at_most_seconds
        # The list grows while the threads run: each starts the next.
        for thread in self._threads:
            while thread.is_alive() and (end is None or time.monotonic() < end):
                thread.join(_LOOK_SECONDS)

    def _start_thread(self) -> None:
        # A process that ends does not wait for a thread that waits for the network.
        thread = Thread(target=self._run, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _run(self) -> None:
        try:
            while True:
                with self._lock:
                    if self._is_stopped or self._error is not None:
                        return
                    try:
                        item = next(self._items)
                    except StopIteration:
                        return
                    if len(self._threads) < self._most_threads:
                        self._start_thread()
                self._work(item)
        except BaseException as error:
            self._error = self._error or error
