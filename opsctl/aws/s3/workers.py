"""Threads that take their work from an iterable while they do it, so that it is never held as a whole."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from threading import Lock, Thread
from typing import Generic, TypeVar

from opsctl.aws.s3.bulk.background import Background

_Item = TypeVar("_Item")


class Workers(Background, Generic[_Item]):
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
        super().__init__()
        self._work = work
        self._items: Iterator[_Item] = iter(items)
        self._most_threads = most_threads
        self._lock = Lock()
        self._start_thread()

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
