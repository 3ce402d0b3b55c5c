"""Shows an audit: incomplete scans one by one, complete ones as a count."""

from __future__ import annotations

import shlex

from rich.text import Text

from opsctl.commands.runs.audit import Audit
from opsctl.core.diagnosis.causes import run_again
from opsctl.core.harmless import harmless
from opsctl.render.screen import Screen, counted

_STYLES = {"complete": "green", "in flight": "cyan", "failed": "red", "outputs damaged": "red", "missing": "red"}
_STRAYS_SHOWN = 3


def show_audit(screen: Screen, audit: Audit, *, dataset: str, all_scans: bool) -> None:
    """Show the dataset, the folder, counts, then every incomplete scan with its inputs, job and outputs.

    Parameters
    ----------
    dataset
        As it was typed.
    all_scans
        Show complete scans too.
    """
    screen.answer(f"{audit.dataset}\n  → {audit.output}", style="bold")
    counts = ", ".join(f"{count:,} {state}" for state, count in audit.counts.items())
    screen.answer(f"{counted(len(audit.rows), 'scan')}: {counts or 'none'}")
    for row in audit.rows:
        if row.state != "complete" or all_scans:
            line = Text(f"  {row.scan}  ", style=_STYLES.get(row.state, "yellow"))
            screen.answer(line + Text(harmless(row.text), style="default"))
    if audit.excluded:
        command = f"opsctl scans {shlex.quote(dataset)}"
        images = counted(len(audit.excluded), "image")
        screen.answer(f"{images} that m2g cannot process: `{command}` lists them and says why")
    if audit.unlisted_files:
        shown = ", ".join(harmless(uri) for uri in audit.unlisted_files[:_STRAYS_SHOWN])
        more = " …" if len(audit.unlisted_files) > _STRAYS_SHOWN else ""
        screen.warn(
            f"{counted(len(audit.unlisted_files), 'file')} in the output folder that no result lists: {shown}{more}"
        )


def next_commands(audit: Audit) -> dict[str, str]:
    """What to type about scans that are not complete: about the audited folder's runs, whichever run is the latest."""
    commands = {}
    if audit.is_work_left:
        commands[run_again(audit.latest_run, whole_dataset=True)] = "submit what is missing, damaged or failed"
    if failed_in := sorted({row.run_id for row in audit.rows if row.state == "failed" and row.run_id}):
        commands[f"opsctl why --run {failed_in[-1]}"] = "show what went wrong"
    if active_in := sorted({row.run_id for row in audit.rows if row.is_active}):
        commands[f"opsctl status --watch --run {active_in[-1]}"] = "watch what is in flight"
    return commands
