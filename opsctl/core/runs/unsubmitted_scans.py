"""The scans of a run that Batch has no job for, in words: their submission was given up, cut short or is under way."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from opsctl.core.runs.manifest import Run
from opsctl.core.runs.status import ScanStatus
from opsctl.core.runs.submission import Submission

#: A submission of which nothing was heard for so long is not under way any more.
_UNDER_WAY = timedelta(minutes=2)


def unsubmitted_reasons(run: Run, submission_log: Sequence[Submission], *, now: datetime) -> dict[int, ScanStatus]:
    """What is to be said of each scan that was not submitted, by its index.

    Parameters
    ----------
    journal
        The run's submissions as they are known, in order; one that was never reached is missing.
    now
        A submission that was written down less than two minutes before may be under way.
    """
    newest = max([datetime.fromisoformat(moment) for moment in (run.created_at, *(one.at for one in submission_log))])
    is_under_way = now - newest < _UNDER_WAY
    known = {index: one for one in submission_log for index in one.indices}
    found: dict[int, ScanStatus] = {}
    for index in range(run.submitted_count):
        submission = known.get(index)
        if submission is not None and submission.state == "submitted":
            continue
        if submission is not None and submission.state == "abandoned":
            state, cause = "FAILED", f"not submitted: {submission.note}" if submission.note else "not submitted"
        elif is_under_way:
            state, cause = "PENDING", "is being submitted"
        else:
            state, cause = "FAILED", "not submitted: the submission was cut short"
        found[index] = ScanStatus(
            index=index,
            name=run.scans[index],
            state="PENDING" if state == "PENDING" else "FAILED",
            cause=cause,
            is_submitted=False,
        )
    return found
