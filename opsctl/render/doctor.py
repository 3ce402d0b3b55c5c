"""What `doctor` found: a line for each look, its mend below it."""

from __future__ import annotations

from rich.text import Text

from opsctl.commands.diagnosis.doctor import Diagnosis
from opsctl.render.screen import Screen, counted, harmless

_STYLES = {"fine": "green", "warning": "yellow", "wrong": "bold red"}
_WIDTH = max(map(len, _STYLES))

_FIRST = {
    "opsctl up --local": "a platform on this machine: no account, no cost",
    "aws configure": "or log in to AWS (`aws sso login` where your institution has it)",
    "opsctl up": "and make one there",
}


def show_diagnosis(screen: Screen, found: Diagnosis) -> None:
    """The lines on standard output; how many are wrong, and where to begin, on standard error."""
    topics = max(len(line.topic) for line in found.lines)
    for line in found.lines:
        shown = Text(f"{line.level:<{_WIDTH}}", style=_STYLES[line.level])
        screen.data.print(shown + Text(f"  {line.topic:<{topics}}  {harmless(line.what)}", style="default"))
        if line.hint and line.level != "fine":
            screen.data.print(Text(f"{'':<{_WIDTH}}  → {harmless(line.hint)}", style="default"))
    wrong, warnings = found.count("wrong"), found.count("warning")
    if wrong:
        screen.say(f"{wrong} wrong, {counted(warnings, 'warning')}.", style="red")
    else:
        screen.say(f"Nothing is wrong, {counted(warnings, 'warning')}." if warnings else "All is fine.", style="green")
    if found.is_first_use:
        screen.hints(_FIRST)
