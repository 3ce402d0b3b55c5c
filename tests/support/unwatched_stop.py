"""A job's request to stop, without the thread that would end the process: here it is the tests' own."""

from __future__ import annotations

from collections.abc import Callable

from m2g_job.stop import StopRequest


class UnwatchedStop(StopRequest):
    """The thread of the real one polls until its process ends, so that each job would leave one behind."""

    def call_after(self, seconds: float, action: Callable[[], None]) -> None:
        """Nothing: the tests end by themselves."""
