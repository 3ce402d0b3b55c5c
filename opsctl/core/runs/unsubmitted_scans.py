"""The scans of a run that Batch has no job for: the submission was abandoned, was interrupted or is in progress."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from opsctl.core.diagnosis.cause_code import CauseCode
from opsctl.core.diagnosis.reason import Reason
from opsctl.core.runs.manifest import Run
from opsctl.core.runs.status import ScanStatus
from opsctl.core.runs.submission import Submission

#: A submission whose last record is older than this is no longer in progress.
_LONGEST_PAUSE = timedelta(minutes=2)


def unsubmitted_statuses(run: Run, submission_log: Sequence[Submission], *, now: datetime) -> dict[int, ScanStatus]:
    """The status of each scan that was not submitted, by scan index.

    Parameters
    ----------
    submission_log
        The run's recorded submissions, in order; one that was never reached is missing.
    now
        A submission may be in progress if the last record is less than two minutes older than this.
    """
    times = [run.created_at, *(submission.at for submission in submission_log)]
    is_in_progress = now - max(map(datetime.fromisoformat, times)) < _LONGEST_PAUSE
    by_index = {index: submission for submission in submission_log for index in submission.indices}
    statuses: dict[int, ScanStatus] = {}
    for index in range(run.submitted_count):
        submission = by_index.get(index)
        if submission is not None and submission.state == "submitted":
            continue
        # AWS refused an intended submission that has a note.
        if submission is not None and (submission.state == "abandoned" or submission.note):
            reason = _not_submitted(submission.note, submission.note_code or CauseCode.NEVER_SUBMITTED)
        elif is_in_progress:
            reason = Reason(CauseCode.BEING_SUBMITTED, "is being submitted")
        else:
            reason = _not_submitted("the submission was cut short", CauseCode.NEVER_SUBMITTED)
        statuses[index] = ScanStatus(
            index=index,
            name=run.scans[index],
            state="PENDING" if reason.code == CauseCode.BEING_SUBMITTED else "FAILED",
            cause=reason.message,
            cause_code=reason.code,
            facts=reason.facts,
            is_submitted=False,
        )
    return statuses


def given_up(scan: ScanStatus) -> ScanStatus:
    """The status of a scan whose submission was abandoned, where an attempt proves that it had been made after all."""
    code = CauseCode.SUBMISSION_ABANDONED if scan.cause_code == CauseCode.NEVER_SUBMITTED else scan.cause_code
    return replace(scan, is_submitted=True, cause=str(scan.facts.get("note") or scan.cause), cause_code=code)


def _not_submitted(note: str, code: str) -> Reason:
    return Reason(code, f"not submitted: {note}" if note else "not submitted", {"note": note} if note else {})
