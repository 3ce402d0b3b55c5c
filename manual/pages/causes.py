"""The page of the causes, from the program's own table."""

from __future__ import annotations

from manual.pages.markdown import GENERATED, code, escaped
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
        "`code` and `cause_code` of a scan in the JSON documents say why it failed, was not submitted, or waits. Codes "
        "are stable; the words may change. The line with the arrow says what helps. On the screen its commands name "
        "your run, dataset and options; here `DATASET` and `SCAN` stand for them.\n",
    ]
    waits = [cause for cause in CauseCode if cause.startswith("wait_")]
    failures = [cause for cause in CauseCode if cause not in waits]
    for heading, causes in (("Why a scan failed or was not submitted", failures), ("Why a scan waits", waits)):
        parts += [f"## {heading}\n", "".join(_entry(cause) for cause in causes)]
    return "\n".join(parts)


def _entry(cause: CauseCode) -> str:
    text = CAUSES[cause]
    sure = " (likely)" if text.sure == "likely" else ""
    remedy = escaped(text.help.format(**_RUN))
    return f"- {code(cause.value)}: {escaped(text.title)}{sure}.  \n  → {remedy}\n"
