"""Checks that run side by side under one time limit, because a person waits for the answer."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import TypeVar

from opsctl.core.diagnosis.queue_snapshot import NotVisible
from opsctl.core.errors import Problem

T = TypeVar("T")


class Checks:
    """Checks that run at once, in threads, under one time limit.

    The threads are daemons: a call without an answer never delays the end of the process.

    Parameters
    ----------
    seconds
        The time limit, from now on.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._end = time.monotonic() + seconds

    def start(self, name: str, check: Callable[[], T]) -> Callable[[], T | Problem | NotVisible]:
        """Start a check in a daemon thread; returns a function that waits for its answer."""
        future: Future[T] = Future()

        def run() -> None:
            try:
                future.set_result(check())
            except BaseException as error:
                future.set_exception(error)

        def answer() -> T | Problem | NotVisible:
            try:
                return future.result(timeout=max(0.0, self._end - time.monotonic()))
            except Problem as problem:
                return problem
            except FutureTimeoutError:
                return NotVisible(name, f"did not answer within {self._seconds:g} s")

        threading.Thread(target=run, name=f"look: {name}", daemon=True).start()
        return answer
