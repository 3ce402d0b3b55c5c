"""Retries calls that fail transiently."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from opsctl.aws.transient import is_transient
from opsctl.core.errors import Problem

_LONGEST_PAUSE_SECONDS = 60.0
_BETWEEN_REPORTS_SECONDS = 60.0
#: Until a first call is answered the timeout is shorter: the address may be wrong.
_FIRST_TIMEOUT_SECONDS = 60.0

_T = TypeVar("_T")


class RetryPolicy:
    """How long to wait after a fault, and when to give up.

    Parameters
    ----------
    poll_seconds
        The shortest pause. It doubles after each fault, up to a minute, and shrinks again after each answer.
    timeout_seconds
        Give up when no call was answered for this long.
    clock
        Seconds; only ever grows.
    """

    def __init__(self, *, poll_seconds: float, timeout_seconds: float, clock: Callable[[], float]) -> None:
        #: Seconds to wait before the next call.
        self.pause = poll_seconds
        self._shortest_pause = poll_seconds
        self._timeout = timeout_seconds
        self._clock = clock
        self._failing_since: float | None = None
        self._reported_at = float("-inf")
        self._was_answered = False
        self._progress = 0

    def record_fault(self, problem: Problem, *, progress: int = 0) -> bool:
        """Record that a call failed. Returns whether to report it: the first of a series, at most once a minute.

        Parameters
        ----------
        progress
            A number that has grown since the last fault if parts of the call were answered.

        Raises
        ------
        Problem
            The same one, if it is not transient or has lasted too long.
        """
        now = self._clock()
        if progress != self._progress:
            self._progress = progress
            self.record_success()
        is_first = self._failing_since is None
        self._failing_since = now if self._failing_since is None else self._failing_since
        timeout = self._timeout if self._was_answered else min(self._timeout, _FIRST_TIMEOUT_SECONDS)
        if not is_transient(problem) or now - self._failing_since >= timeout:
            raise problem
        self.pause = min(2 * self.pause, max(_LONGEST_PAUSE_SECONDS, self._shortest_pause))
        if not is_first or now - self._reported_at < _BETWEEN_REPORTS_SECONDS:
            return False
        self._reported_at = now
        return True

    def record_success(self) -> None:
        """Record that a call was answered."""
        self._failing_since = None
        self._was_answered = True
        self.pause = max(self._shortest_pause, self.pause / 4)


def with_retry(
    call: Callable[[], _T],
    retry: RetryPolicy,
    *,
    sleep: Callable[[float], None],
    on_fault: Callable[[Problem], None],
    progress: Callable[[], int] = lambda: 0,
) -> _T:
    """Make a call until it is answered, and return its answer.

    Parameters
    ----------
    on_fault
        Called with each fault that should be reported.
    progress
        Returns a number that grows with each part of the call that is answered.

    Raises
    ------
    Problem
        See `RetryPolicy.record_fault`.
    """
    while True:
        try:
            answer = call()
        except Problem as problem:
            if retry.record_fault(problem, progress=progress()):
                on_fault(problem)
            sleep(retry.pause)
        else:
            retry.record_success()
            return answer
