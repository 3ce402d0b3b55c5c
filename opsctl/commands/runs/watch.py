"""`status --watch` and `--wait`: polls a run's status until the run is over."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from opsctl.aws.transient import is_transient
from opsctl.core.errors import Problem
from opsctl.core.runs.status import RunStatus

_LONGEST_PAUSE_SECONDS = 60.0
#: Watching ends after this many polls in a row without an answer.
_MOST_UNANSWERED = 15


def watch(ask: Callable[[], RunStatus], *, sleep: Callable[[float], None], poll_seconds: float) -> Iterator[RunStatus]:
    """Poll a run's status until the run is over, through transient faults of AWS or the network.

    Parameters
    ----------
    ask
        Returns the status.
    poll_seconds
        Pause between two polls; doubles after each poll without an answer, up to a minute.

    Raises
    ------
    Problem
        For a fault that is not transient, or the 15th fault in a row.
    """
    pause = poll_seconds
    unanswered = 0
    while True:
        try:
            status = ask()
        except Problem as problem:
            unanswered += 1
            if unanswered == _MOST_UNANSWERED or not is_transient(problem):
                raise
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
        else:
            yield status
            if status.is_over:
                return
            unanswered = 0
            pause = max(poll_seconds, pause / 2)
        sleep(pause)
