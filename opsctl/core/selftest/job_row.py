"""The row on a self-test's job itself: whether it came to its end, and why not."""

from __future__ import annotations

import re

from opsctl.core.diagnosis.cause_code import CauseCode
from opsctl.core.diagnosis.cause_table import CAUSES
from opsctl.core.diagnosis.causes import known_code
from opsctl.core.diagnosis.finding import Finding, sentence
from opsctl.core.diagnosis.reason import Reason, batch_reason
from opsctl.core.errors import Problem
from opsctl.core.runs.status import BatchJob
from opsctl.core.selftest.check_table import title_of
from opsctl.core.selftest.report import Row
from opsctl.core.selftest.result import SelftestResult, Verdict

_VERB = "opsctl selftest"
_AGAIN = f"`{_VERB}` tries again"
#: Where the remedy of a scan is another one than that of a self-test.
_REMEDIES = {
    # The exit code of a runner that knows of no self-test.
    CauseCode.SCAN_RECORD_INVALID: "the image's job runner is older than this opsctl: `opsctl image build`, "
    "then `opsctl image push`",
    CauseCode.NO_RESULT: "the image's job runner is older than this opsctl: `opsctl image build`, "
    "then `opsctl image push`",
    CauseCode.TIMED_OUT: _AGAIN,
    # `opsctl why` explains the scans of runs. A self-test's waiting job is looked at while opsctl waits for it.
    CauseCode.QUEUE_TIME_LIMIT: f"{_AGAIN}, and says after two minutes what its job waits for",
    CauseCode.REGISTRY_UNREACHABLE: "a subnet needs a public address and an internet gateway, or a NAT gateway: "
    f"`opsctl up` mends the platform's own; then `{_VERB}`",
}
_LAST_LINES = "its last lines are below"


def job_row(
    job: BatchJob | None,
    result: SelftestResult | None,
    *,
    seconds: float,
    waits: tuple[Finding, ...] = (),
    unreadable: Problem | None = None,
) -> Row:
    """The row on the job.

    Parameters
    ----------
    job
        The job as Batch showed it last; None where Batch does not know it.
    result
        None where it wrote none.
    seconds
        From its submission to its end, or until opsctl gave it up.
    waits
        Why a job waits that did not end in time; the first finding is the best.
    unreadable
        Why its result cannot be read; None where it can, or where there is none.
    """
    if result is not None:
        return _row("fine", f"It came to its end, on attempt {result.attempt}.", "", seconds)
    if unreadable is not None:
        return _row("failed", unreadable.what, unreadable.hint, seconds)
    if job is None:
        return _row("failed", "Batch does not know the job, and it left no result.", sentence(_AGAIN), seconds)
    if not job.is_over:
        minutes = max(1, round(seconds / 60))
        detail = f"It was still {job.status} after {minutes} min, and was ended."
        why = " ".join(filter(None, [detail, waits[0].what if waits else ""]))
        remedy = waits[0].do if waits else f"`{_VERB} --timeout {max(40, 2 * minutes)}` waits longer."
        return _row("failed", why, remedy, seconds)
    reason = _reason(job)
    words = f" AWS Batch: {reason.message.rstrip('.')}." if reason.message else ""
    detail = f"{sentence(CAUSES[known_code(reason)].title)}{words}"
    return _row("failed", detail, _remedy(known_code(reason)), seconds)


def _row(verdict: Verdict, detail: str, remedy: str, seconds: float) -> Row:
    return Row(
        check="job", group="job", title=title_of("job"), verdict=verdict, detail=detail, seconds=seconds, remedy=remedy
    )


def _reason(job: BatchJob) -> Reason:
    if job.status == "SUCCEEDED":
        return Reason(CauseCode.NO_RESULT, "")
    return batch_reason(job.reason, exit_code=job.exit_code)


def _remedy(code: CauseCode) -> str:
    """The remedy of a scan's failure, with the command that tests again in place of the one that runs the scans."""
    if code in _REMEDIES:
        return sentence(_REMEDIES[code])
    text = CAUSES[code].help
    if "{logs}" in text:  # which shows the logs of runs
        return sentence(_LAST_LINES)
    text = text.format(run=_VERB, dataset="DATASET", memory=_LAST_LINES)
    return sentence(re.sub(rf"`{_VERB}[^`]*`", f"`{_VERB}`", text))
