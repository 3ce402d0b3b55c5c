"""A scan's state in a user's words; AWS Batch's own words are those of `opsctl.core.runs.status.State`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import TYPE_CHECKING

from opsctl.core.diagnosis.cause_code import CauseCode

if TYPE_CHECKING:
    from opsctl.core.runs.status import State


class DailyState(StrEnum):
    """The six states that every screen shows, in the order in which a scan passes through them."""

    WAITING = "waiting"
    STARTING = "starting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_active(self) -> bool:
        """Whether the scan waits, starts or runs."""
        return self in _ACTIVE


_ACTIVE = (DailyState.WAITING, DailyState.STARTING, DailyState.RUNNING)

#: PENDING and RUNNABLE differ only in what AWS Batch waits for, which `why` explains.
_OF_STATE: Mapping[State, DailyState] = {
    "PENDING": DailyState.WAITING,
    "RUNNABLE": DailyState.WAITING,
    "STARTING": DailyState.STARTING,
    "RUNNING": DailyState.RUNNING,
    "DONE": DailyState.DONE,
    "FAILED": DailyState.FAILED,
}

#: Somebody ended the job: the scan itself has not failed.
_CANCELLED = (CauseCode.CANCELLED, CauseCode.CANCELLED_BY_DOWN)


def daily_state(state: State, cause_code: str = "") -> DailyState:
    """A state in a user's words.

    Parameters
    ----------
    cause_code
        Why the scan failed; a scan that somebody cancelled has not failed.
    """
    if state == "FAILED" and cause_code in _CANCELLED:
        return DailyState.CANCELLED
    return _OF_STATE[state]


def daily_counts(states: Iterable[DailyState], *, more: Mapping[State, int] | None = None) -> dict[DailyState, int]:
    """How many scans are in each state, in the states' order, zeros included.

    Parameters
    ----------
    more
        Further scans by AWS Batch's state.
    """
    counts = Counter(states)
    for state, number in (more or {}).items():
        counts[daily_state(state)] += number
    return {state: counts[state] for state in DailyState}


def counts_text(counts: Mapping[DailyState, int]) -> str:
    """`5 waiting, 2 running, 1 failed`: only states that a scan is in; `no scan` where there is none."""
    return ", ".join(f"{count:,} {state}" for state, count in counts.items() if count) or "no scan"
