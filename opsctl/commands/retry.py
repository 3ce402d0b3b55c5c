"""Going on over faults that pass by themselves."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from opsctl.aws.transient import is_transient
from opsctl.core.errors import Problem

_LONGEST_PAUSE_SECONDS = 60.0
_BETWEEN_WORDS_SECONDS = 60.0
#: Who was never answered may have a wrong address.
_FIRST_TIMEOUT_SECONDS = 60.0

_T = TypeVar("_T")


class RetryPolicy:
    """How long to wait after a fault, and when to give up.

    Parameters
    ----------
    poll_seconds
        The pause where all is well; twice as long after each fault, up to a minute, and step by step shorter again.
    patience_seconds
        So long without an answer is the end.
    clock
        Seconds, only ever growing.
    """

    def __init__(self, *, poll_seconds: float, timeout_seconds: float, clock: Callable[[], float]) -> None:
        self.pause = poll_seconds
        self._least = poll_seconds
        self._timeout = timeout_seconds
        self._clock = clock
        self._since: float | None = None
        self._said = float("-inf")
        self._was_answered = False
        self._progress = 0

    def fault(self, problem: Problem, *, progress: int = 0) -> bool:
        """A call got no answer. Returns whether that is worth a word: once a row of faults, at most once a minute.

        Parameters
        ----------
        progress
            What has grown since the last fault if parts of the call were answered.

        Raises
        ------
        Problem
            The same, where it does not pass by itself or has lasted too long.
        """
        now = self._clock()
        if progress != self._progress:
            self._progress = progress
            self.answered()
        is_first = self._since is None
        self._since = now if self._since is None else self._since
        timeout = self._timeout if self._was_answered else min(self._timeout, _FIRST_TIMEOUT_SECONDS)
        if not is_transient(problem) or now - self._since >= timeout:
            raise problem
        self.pause = min(2 * self.pause, max(_LONGEST_PAUSE_SECONDS, self._least))
        if not is_first or now - self._said < _BETWEEN_WORDS_SECONDS:
            return False
        self._said = now
        return True

    def answered(self) -> None:
        """A call went well."""
        self._since = None
        self._was_answered = True
        self.pause = max(self._least, self.pause / 4)


def with_retry(
    ask: Callable[[], _T],
    retry: RetryPolicy,
    *,
    sleep: Callable[[float], None],
    on_fault: Callable[[Problem], None],
    progress: Callable[[], int] = lambda: 0,
) -> _T:
    """What a call answers, after as many tries as it takes.

    Parameters
    ----------
    on_fault
        Told those that are worth a word.
    progress
        Grows with each part of a call that is answered.

    Raises
    ------
    Problem
        See `RetryPolicy.fault`.
    """
    while True:
        try:
            found = ask()
        except Problem as problem:
            if retry.fault(problem, progress=progress()):
                on_fault(problem)
            sleep(retry.pause)
        else:
            retry.answered()
            return found
