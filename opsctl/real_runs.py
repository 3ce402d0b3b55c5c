"""Whether a run on a real AWS account has been reported: who installs opsctl must know before they pay."""

from __future__ import annotations

#: The reports in docs/reports, by file name, the oldest first.
REPORTS: tuple[str, ...] = ()

#: What README.md, `--version` and the first `up` on AWS say while there is no report.
NOT_REPORTED = "No run on a real AWS account has been reported yet."


def status_note() -> str:
    """The sentence for users; empty as soon as there is a report."""
    return "" if REPORTS else NOT_REPORTED
