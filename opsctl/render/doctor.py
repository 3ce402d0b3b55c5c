"""Shows the checks of `doctor`, a line each, with the hint below."""

from __future__ import annotations

from rich.text import Text

from opsctl.commands.diagnosis.doctor import Diagnosis
from opsctl.core.harmless import harmless
from opsctl.render.screen import Screen, counted

_STYLES = {"fine": "green", "warning": "yellow", "wrong": "bold red"}
_WIDTH = max(map(len, _STYLES))

_FIRST_COMMANDS = {
    "opsctl up --local": "a platform on this machine: no account, no cost",
    "aws configure": "or log in to AWS (`aws sso login` where your institution has it)",
    "opsctl up": "and make one there",
}


def show_diagnosis(screen: Screen, diagnosis: Diagnosis) -> None:
    """Show the checks on standard output; the summary and the first commands to type on standard error."""
    topic_width = max(len(line.topic) for line in diagnosis.lines)
    for line in diagnosis.lines:
        level = Text(f"{line.level:<{_WIDTH}}", style=_STYLES[line.level])
        screen.data.print(level + Text(f"  {line.topic:<{topic_width}}  {harmless(line.what)}", style="default"))
        if line.hint and line.level != "fine":
            screen.data.print(Text(f"{'':<{_WIDTH}}  → {harmless(line.hint)}", style="default"))
    wrong, warnings = diagnosis.count("wrong"), diagnosis.count("warning")
    if wrong:
        screen.say(f"{wrong} wrong, {counted(warnings, 'warning')}.", style="red")
    else:
        screen.say(f"Nothing is wrong, {counted(warnings, 'warning')}." if warnings else "All is fine.", style="green")
    if diagnosis.is_first_use:
        screen.hints(_FIRST_COMMANDS)
