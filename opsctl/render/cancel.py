"""What is to be cancelled, and what came of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from opsctl.commands.runs.cancel import CancelOutcome, CancelPlan
from opsctl.render.screen import Screen, counted

_NAMES_SHOWN = 10


def show_intent(screen: Screen, intent: CancelPlan) -> None:
    """What is active, and what has finished already."""
    screen.say(intent.status.run.run_id, style="bold")
    states = Counter(scan.state for scan in intent.active)
    if states:
        words = ", ".join(f"{count} {state}" for state, count in states.items())
        screen.say(f"{counted(len(intent.active), 'scan')} active: {words}")
        _names(screen, [scan.name for scan in intent.active])
    else:
        whose = "The run has no active scan" if intent.is_whole else "None of these scans is active"
        screen.say(f"{whose}: nothing to cancel.")
    ends = Counter(scan.state for scan in intent.finished)
    if ends:
        words = ", ".join(f"{count} {state}" for state, count in ends.items())
        screen.say(f"{counted(len(intent.finished), 'scan')} finished already: {words}")


def show_outcome(screen: Screen, outcome: CancelOutcome) -> None:
    """How many have ended, what had finished by itself, and, by name, what goes on."""
    screen.say(f"{counted(len(outcome.cancelled), 'scan')} cancelled; every job of them has ended.", style="green")
    if outcome.finished_meanwhile:
        screen.say(f"{counted(len(outcome.finished_meanwhile), 'scan')} finished before the word reached them:")
        _names(screen, outcome.finished_meanwhile)
    if outcome.left:
        screen.warn(f"{counted(len(outcome.left), 'job')} would not end:")
        for name in outcome.left:
            screen.say(f"  {name}")
        screen.say("Type it again; `opsctl status` shows them.")
    screen.hints({"opsctl status": "where the run stands"})


def _names(screen: Screen, names: Sequence[str]) -> None:
    shown = ", ".join(names[:_NAMES_SHOWN])
    more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
    screen.say(f"  {shown}{more}")
