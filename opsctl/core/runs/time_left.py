"""How long a run has taken, and about how long it will go on, from the times of its own finished scans."""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from statistics import quantiles
from typing import Any

from opsctl.core.costs.estimate import succeeded_hours
from opsctl.core.runs.attempt_merge import AttemptsByScan
from opsctl.core.runs.result import Result
from opsctl.core.runs.state import DailyState
from opsctl.core.runs.status import RunStatus

#: From one finished scan nobody knows how much the scans' times differ.
_ENOUGH_SCANS = 2


@dataclass(frozen=True, kw_only=True)
class RunTimes:
    """A run's time so far, and what is left.

    Attributes
    ----------
    elapsed_seconds
        Since the run was made, until its last job ended or until now; None where the end of an ended run is not known.
    shortest_left_seconds, longest_left_seconds
        Until the last scan has ended, if each takes as long as a short or a long one of the finished scans did (their
        first and last tenth). None where fewer than two scans have finished, or none runs.
    finished
        How many finished scans that is computed from.
    """

    elapsed_seconds: float | None
    shortest_left_seconds: float | None = None
    longest_left_seconds: float | None = None
    finished: int = 0

    def as_json(self) -> dict[str, Any]:
        """`times` in `status --json`."""
        return {
            "elapsed_seconds": _rounded(self.elapsed_seconds),
            "remaining_seconds": None
            if self.longest_left_seconds is None
            else {"shortest": _rounded(self.shortest_left_seconds), "longest": _rounded(self.longest_left_seconds)},
            "finished_scans": self.finished,
        }


def run_times(status: RunStatus, attempts: AttemptsByScan, results: Iterable[Result], *, now: datetime) -> RunTimes:
    """The times of a run.

    Parameters
    ----------
    status
        With its progress.
    results
        The run's, those of adopted scans included.
    """
    own_results = list(results)
    created = datetime.fromisoformat(status.run.created_at)
    seconds = [hours * 3600 for hours in succeeded_hours(own_results)]
    if status.is_over:
        ends = [result.stopped_at for result in own_results]
        ends += [attempt.stopped_at for of_scan in attempts.values() for attempt in of_scan if attempt.stopped_at]
        # An adopted scan may have ended before this run was made.
        last = max((end for end in map(datetime.fromisoformat, ends) if end > created), default=None)
        return RunTimes(
            elapsed_seconds=None if last is None else (last - created).total_seconds(), finished=len(seconds)
        )
    elapsed = max(0.0, (now - created).total_seconds())
    counts = status.daily_counts
    running = [progress.seconds for progress in status.progress.values()]
    running += [0.0] * max(0, counts[DailyState.STARTING] + counts[DailyState.RUNNING] - len(running))
    if len(seconds) < _ENOUGH_SCANS or not running:
        return RunTimes(elapsed_seconds=elapsed, finished=len(seconds))
    tenths = quantiles(seconds, n=10, method="inclusive")
    waiting = counts[DailyState.WAITING]
    return RunTimes(
        elapsed_seconds=elapsed,
        shortest_left_seconds=_left(running, waiting, of_scan=tenths[0]),
        longest_left_seconds=_left(running, waiting, of_scan=tenths[-1]),
        finished=len(seconds),
    )


def _left(running: Iterable[float], waiting: int, *, of_scan: float) -> float:
    """Until the last scan ends, if as many go on to run at once as run now and each takes equally long.

    Parameters
    ----------
    running
        How long each running scan has run.
    of_scan
        How long a scan takes.
    """
    slots = [max(0.0, of_scan - seconds) for seconds in running]
    heapq.heapify(slots)
    for _ in range(waiting):
        heapq.heapreplace(slots, slots[0] + of_scan)
    return max(slots)


def _rounded(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds)
