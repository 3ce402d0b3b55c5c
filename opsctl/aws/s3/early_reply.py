"""Requests whose replies are waited for later, while the program goes on, or other requests are under way."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Generic, TypeVar

from opsctl.aws.s3.bulk.background import Background, started
from opsctl.aws.s3.workers import Workers

T = TypeVar("T")
Item = TypeVar("Item")

#: After an error or Ctrl-C. A request that takes longer is left alone: nobody waits for its reply.
_STOP_SECONDS = 0.5


class EarlyReply(Generic[T]):
    """The reply to a request that has been sent in a thread.

    Parameters
    ----------
    ask
        Sends the request; what it needs was made before, so that the thread imports little.
    """

    def __init__(self, ask: Callable[[], T]) -> None:
        self._replies: list[T] = []
        self._workers = Workers(lambda question: self._replies.append(question()), [ask], most_threads=1)

    def wait(self) -> T:
        """The reply.

        Raises
        ------
        BaseException
            What the request has raised.
        """
        self._workers.wait()
        return self._replies[0]

    def stop(self) -> None:
        """Wait no more than a moment for the request's end: its reply is not needed."""
        self._workers.stop(at_most_seconds=_STOP_SECONDS)


class EarlyList(Background, Generic[T]):
    """What an iterable yields in a thread; once it is stopped, the next element is its last.

    Parameters
    ----------
    elements
        Each may take a request.
    """

    def __init__(self, elements: Iterable[T]) -> None:
        super().__init__()
        self._elements = elements
        self._taken: list[T] = []
        self._threads.append(started(self._run))

    def _run(self) -> None:
        try:
            for element in self._elements:
                self._taken.append(element)
                if self._is_stopped:
                    return
        except BaseException as error:
            self._error = error

    def all(self) -> list[T]:
        """Every element.

        Raises
        ------
        BaseException
            What the iterable has raised.
        """
        self.wait()
        return self._taken


@contextmanager
def asked_early(ask: Callable[[], T]) -> Iterator[Callable[[], T]]:
    """Send a request in the background of the block; yields a function that waits for its reply."""
    reply = EarlyReply(ask)
    try:
        yield reply.wait
    finally:
        reply.stop()


@contextmanager
def read_early(elements: Iterable[T]) -> Iterator[Callable[[], list[T]]]:
    """Take what an iterable yields in the background of the block; yields a function that waits for all of it."""
    early = EarlyList(elements)
    try:
        yield early.all
    finally:
        early.stop(at_most_seconds=_STOP_SECONDS)


def side_by_side(ask: Callable[[Item], T], items: Sequence[Item], *, at_once: int) -> Iterator[T]:
    """The replies of several requests in the items' order; while the caller uses one, the next ones are under way.

    Parameters
    ----------
    ask
        Sends the request of one item; called in threads, unless there is only one item.

    Raises
    ------
    BaseException
        What the first of the items in their order has raised whose request failed.
    """
    if len(items) == 1:
        yield ask(items[0])
        return
    coming: deque[EarlyReply[T]] = deque()
    unasked = deque(items)
    try:
        while coming or unasked:
            while unasked and len(coming) < at_once:
                coming.append(EarlyReply(_asking(ask, unasked.popleft())))
            yield coming[0].wait()
            coming.popleft()
    finally:
        for reply in coming:
            reply.stop()


def _asking(ask: Callable[[Item], T], item: Item) -> Callable[[], T]:
    return lambda: ask(item)
