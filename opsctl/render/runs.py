"""Shows the runs, a line each."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from rich.text import Text

from opsctl.commands.runs.run_list import RunLine, RunList
from opsctl.core.costs.money import Truth
from opsctl.render.page import headed_table
from opsctl.render.screen import Screen, counted

_STYLES = {"active": "cyan", "failed": "red", "cancelled": "yellow", "done": "green"}
_HEADER = ("RUN", "BY", "STARTED", "DATASET", "SCANS DONE", "COST", "OUTPUT")

_FEW = 5
_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def show_runs(screen: Screen, run_list: RunList, *, now: datetime, data_bucket: str = "") -> None:
    """Show the runs in a table, the newest last, next to the prompt.

    Parameters
    ----------
    data_bucket
        A dataset in it is shown by its name, any other by its URI.
    """
    if run_list.earlier:
        screen.say(f"{counted(run_list.earlier, 'earlier run')}: `opsctl runs --all` shows every run.", style="dim")
    rows = [_row(line, run_list, now=now, data_bucket=data_bucket) for line in run_list.lines]
    labelled = [_row(line, run_list, now=now, data_bucket=data_bucket, is_labelled=True) for line in run_list.lines]
    for row in headed_table(_HEADER, rows, labelled, room=screen.data.room, right=(5,)):
        screen.data.print(row)
    if sentence := _cost_sentence(run_list):
        screen.say(sentence, style="dim")
    if not run_list.lines and not run_list.unread:
        screen.say("There is no such run yet: `opsctl run DATASET` starts one.")
    if run_list.unread:
        shown = ", ".join(run_list.unread[:3])
        verb = "has" if len(run_list.unread) == 1 else "have"
        screen.warn(f"{counted(len(run_list.unread), 'run')} {verb} a record that this opsctl cannot read: {shown}")


def _row(
    line: RunLine, run_list: RunList, *, now: datetime, data_bucket: str, is_labelled: bool = False
) -> list[Text | str]:
    """The cells of a run; `is_labelled` where no header explains them."""
    started = ago_text(datetime.fromisoformat(line.created_at), now=now)
    options = [_option_text(name, value) for name, value in line.options.items()]
    return [
        line.run_id,
        f"by {line.created_by}" if is_labelled else line.created_by,
        f"started {started}" if is_labelled else started,
        line.dataset.removeprefix(f"s3://{data_bucket}/"),
        Text(_counts_text(line, done=" done" if is_labelled else ""), style=_STYLES[line.state]),
        cost.amount if (cost := run_list.cost(line)) is not None else "",
        " ".join([_folder(line), *options]),
    ]


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


def _counts_text(line: RunLine, *, done: str) -> str:
    parts = [f"{line.done:,} of {line.total:,}{done}"]
    parts += [f"{line.failed:,} failed"] if line.failed else []
    parts += [f"{line.cancelled:,} cancelled"] if line.cancelled else []
    parts += [f"{line.active:,} active"] if line.active else []
    return ", ".join(parts)


def _cost_sentence(run_list: RunList) -> str:
    """What the amounts stand for: charged, or what AWS would charge."""
    costs = [cost for line in run_list.lines if (cost := run_list.cost(line)) is not None]
    if not costs:
        return ""
    if costs[0].truth is Truth.AS_AWS:
        return "The costs are what AWS would charge: jobs on this machine cost nothing."
    return (
        "The costs are what was charged so far, computed from the attempts' times. `opsctl cost --run RUN` shows how."
    )


def _folder(line: RunLine) -> str:
    return line.output.rpartition("/")[2]


def _option_text(name: str, value: Any) -> str:
    option = f"--{name.replace('_', '-')}"
    if value is True:
        return option
    if isinstance(value, list):
        # More would not be typed from a list of runs.
        return " ".join(f"{option} {item}" for item in value) if len(value) <= _FEW else f"{len(value)} atlases"
    return f"{option} {value}"
