"""Shows the runs, a line each."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from rich.text import Text

from opsctl.commands.runs.run_list import RunLine, RunList
from opsctl.render.page import table
from opsctl.render.screen import Screen, counted

_STYLES = {"active": "cyan", "failed": "red", "done": "green"}

_FEW = 5
_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def show_runs(screen: Screen, run_list: RunList, *, now: datetime) -> None:
    """Show the runs, the newest last, next to the prompt."""
    if run_list.earlier:
        screen.say(f"{run_list.earlier:,} earlier: `opsctl runs --all`", style="dim")
    rows: list[list[Text | str]] = [
        [
            line.run_id,
            ago_text(datetime.fromisoformat(line.created_at), now=now),
            Text(_counts_text(line), style=_STYLES[line.state]),
            line.output.rpartition("/")[2],
            " ".join(_option_text(name, value) for name, value in line.options.items()),
        ]
        for line in run_list.lines
    ]
    for row in table(rows, room=screen.data.room, right=(1,)):
        screen.data.print(row)
    if not run_list.lines and not run_list.unread:
        screen.say("There is no such run yet: `opsctl run DATASET` starts one.")
    if run_list.unread:
        shown = ", ".join(run_list.unread[:3])
        screen.warn(f"{counted(len(run_list.unread), 'run')} without a record that this opsctl can read: {shown}")


def ago_text(moment: datetime, *, now: datetime) -> str:
    """How long ago a moment was: `just now`, `5 min ago`, `3 d ago`."""
    seconds = (now - moment).total_seconds()
    if seconds < _MINUTE:
        return "just now"
    if seconds < _HOUR:
        return f"{seconds // _MINUTE:.0f} min ago"
    if seconds < 2 * _DAY:
        return f"{seconds // _HOUR:.0f} h ago"
    return f"{seconds // _DAY:.0f} d ago"


def _counts_text(line: RunLine) -> str:
    parts = [f"{line.done:,}/{line.total:,} done"]
    parts += [f"{line.failed:,} failed"] if line.failed else []
    parts += [f"{line.active:,} active"] if line.active else []
    return ", ".join(parts)


def _option_text(name: str, value: Any) -> str:
    option = f"--{name.replace('_', '-')}"
    if value is True:
        return option
    if isinstance(value, list):
        # More would not be typed from a list of runs.
        return " ".join(f"{option} {item}" for item in value) if len(value) <= _FEW else f"{len(value)} atlases"
    return f"{option} {value}"
