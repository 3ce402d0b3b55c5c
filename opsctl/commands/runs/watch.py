"""`status --watch` and `--wait`: a run's status again and again until it is over."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from opsctl.aws.transient import is_transient
from opsctl.core.errors import Problem
from opsctl.core.runs.status import RunStatus

_LONGEST_PAUSE_SECONDS = 60.0
#: So many polls in a row that AWS does not answer are the end of watching.
_UNANSWERED = 15


def watch(ask: Callable[[], RunStatus], *, sleep: Callable[[float], None], poll_seconds: float) -> Iterator[RunStatus]:
    """A run's status again and again until it is over; a passing fault of AWS or the network is sat out.

    Parameters
    ----------
    ask
        Gives the status.
    poll_seconds
        Between two polls; twice as long after each that AWS did not answer, up to a minute.

    Raises
    ------
    Problem
        For what does not pass.
    """
    pause = poll_seconds
    unanswered = 0
    while True:
        try:
            found = ask()
        except Problem as problem:
            unanswered += 1
            if unanswered == _UNANSWERED or not is_transient(problem):
                raise
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
        else:
            yield found
            if found.is_over:
                return
            unanswered = 0
            pause = max(poll_seconds, pause / 2)
        sleep(pause)
