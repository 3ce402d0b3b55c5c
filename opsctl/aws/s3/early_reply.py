"""A request whose reply is waited for later, while the program goes on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from opsctl.aws.s3.workers import Workers

T = TypeVar("T")


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
