"""How many scans are in each state, from the summary of an array job whose children were not listed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from opsctl.core.runs.status import ACTIVE, FROM_BATCH, State

#: Where the summary still counts scans that are done by now, they were most likely in the first of these states.
_LATEST_STATES: tuple[State, ...] = ("RUNNING", "STARTING", "RUNNABLE", "PENDING")


def count_states(summary: Mapping[str, int], *, count: int, known: Iterable[State] = ()) -> dict[State, int]:
    """Distribute exactly `count` scans over the states, as close to Batch's summary as possible.

    Parameters
    ----------
    summary
        Number of children by Batch status.
    count
        Number of scans that are neither done nor failed, and whose own state is not known.
    known
        States of the active scans whose state is known; the summary counts these scans, too.
    """
    counts: Counter[State] = Counter()
    for status, number in summary.items():
        state = FROM_BATCH.get(status)
        if state in ACTIVE and state is not None:
            counts[state] += number
    for state in known:
        counts[state] -= 1
    counts = +counts
    # The results were read later than Batch's summary, so some of the scans that it counts may be done.
    for state in _LATEST_STATES:
        counts[state] -= min(counts[state], max(0, counts.total() - count))
    counts["RUNNING"] += count - counts.total()
    return dict(+counts)
