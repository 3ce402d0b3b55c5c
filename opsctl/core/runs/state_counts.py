"""How many scans are in which state, from a parent's summary, where no child was listed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from opsctl.core.runs.status import ACTIVE, FROM_BATCH, State

#: A scan that Batch's summary counts and that is known to be done already was most likely just running.
_FIRST_TO_GO: tuple[State, ...] = ("RUNNING", "STARTING", "RUNNABLE", "PENDING")


def count_states(summary: Mapping[str, int], *, count: int, known: Iterable[State] = ()) -> dict[State, int]:
    """The states of exactly `count` scans, as near to Batch's summary as can be.

    Parameters
    ----------
    summary
        How many children are in each of Batch's statuses.
    count
        How many scans are neither done nor failed nor known one by one.
    known
        The states of those active ones that are known one by one: the summary counts them too.
    """
    left: Counter[State] = Counter()
    for status, number in summary.items():
        state = FROM_BATCH.get(status)
        if state in ACTIVE and state is not None:
            left[state] += number
    for state in known:
        left[state] -= 1
    left = +left
    # Batch's summary and the results are not of one moment: the results are later.
    for state in _FIRST_TO_GO:
        taken = min(left[state], max(0, left.total() - count))
        left[state] -= taken
    left["RUNNING"] += count - left.total()
    return dict(+left)
