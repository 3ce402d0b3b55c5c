"""Why a run has no log lines to show, and what shows the rest of what is known of its scans."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

_FEW = 3


@dataclass(frozen=True)
class Absence:
    """A sentence, and the commands that show what there is instead, each with its purpose."""

    text: str
    commands: Mapping[str, str] = field(default_factory=dict)


def absence(
    *,
    run_id: str,
    scans: Sequence[str],
    is_whole_run: bool,
    is_over: bool,
    has_started: bool,
    has_failed: bool,
    has_done: bool,
) -> Absence:
    """Say why scans have no log lines.

    Parameters
    ----------
    scans
        The names of the scans without lines.
    is_whole_run
        Whether these are all scans that were asked for, without naming any.
    is_over
        Whether these scans have ended.
    has_started
        Whether any job of these scans is known to have started.
    has_failed, has_done
        Whether any scan of the run has failed, or is done.
    """
    subject = run_id if is_whole_run else _names_text(scans)
    has = "has" if is_whole_run or len(scans) == 1 else "have"
    named = "" if is_whole_run else "".join(f" {name}" for name in scans[:_FEW])
    if not is_over:
        return Absence(
            f"{subject} {has} no log lines yet: `opsctl logs{named} --follow --run {run_id}` waits for them."
        )
    commands = {f"opsctl why --run {run_id}": "the cause of each failure, as recorded on S3"} if has_failed else {}
    if not has_started:
        return Absence(f"{subject} {has} no log lines: no job has started.", commands)
    if has_done:
        commands |= {f"opsctl results DIR --what all --run {run_id}": "every file that the done scans left on S3"}
    return Absence(
        f"The log lines of {subject} are gone: `opsctl down` removes them unless `--keep-logs` is given, and the"
        " platform deletes old ones. What the jobs wrote to S3 is still there.",
        commands,
    )


def _names_text(names: Sequence[str]) -> str:
    more = len(names) - _FEW
    return ", ".join(names[:_FEW]) + (f" and {more:,} more" if more > 0 else "")
