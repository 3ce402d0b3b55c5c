"""The page of the causes, from the program's own table."""

from __future__ import annotations

from manual.pages.markdown import GENERATED, code, escaped, table
from opsctl.core.diagnosis.cause_code import CauseCode
from opsctl.core.diagnosis.cause_table import CAUSES

#: What stands for the parts of a remedy that depend on the run.
_RUN = {
    "run": "opsctl run DATASET",
    "dataset": "DATASET",
    "logs": "opsctl logs --failed",
    "why": "opsctl why SCAN",
    "memory": "`opsctl run DATASET --memory MIB` with more memory",
}


def page() -> str:
    """The page."""
    parts = [
        "# Cause codes\n",
        GENERATED,
        "`cause_code` in `opsctl status --json` and `opsctl why --json` says why a scan failed, was not submitted, or "
        "waits. Codes are stable; the words may change. On the screen the command of a remedy names your run, "
        "dataset and options; here `DATASET` and `SCAN` stand for them.\n",
    ]
    waits = [cause for cause in CauseCode if cause.startswith("wait_")]
    failures = [cause for cause in CauseCode if cause not in waits]
    for heading, causes in (("Why a scan failed or was not submitted", failures), ("Why a scan waits", waits)):
        rows = [[code(cause.value), _title(cause), escaped(CAUSES[cause].help.format(**_RUN))] for cause in causes]
        parts += [f"## {heading}\n", table(["code", "means", "what helps"], rows)]
    return "\n".join(parts)


def _title(cause: CauseCode) -> str:
    text = CAUSES[cause]
    return escaped(text.title) + (" (likely)" if text.sure == "likely" else "")
