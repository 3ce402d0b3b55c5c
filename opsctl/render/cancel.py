"""Shows what will be cancelled, and the outcome."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from opsctl.commands.runs.cancel import CancelOutcome, CancelPlan
from opsctl.render.screen import Screen, counted

_NAMES_SHOWN = 10


def show_intent(screen: Screen, intent: CancelPlan) -> None:
    """Show the scans that are active, and those that have finished."""
    screen.say(intent.status.run.run_id, style="bold")
    states = Counter(scan.state for scan in intent.active)
    if states:
        counts = ", ".join(f"{count} {state}" for state, count in states.items())
        screen.say(f"{counted(len(intent.active), 'scan')} active: {counts}")
        _show_names(screen, [scan.name for scan in intent.active])
    else:
        whose = "The run has no active scan" if intent.is_whole else "None of these scans is active"
        screen.say(f"{whose}: nothing to cancel.")
    ends = Counter(scan.state for scan in intent.finished)
    if ends:
        counts = ", ".join(f"{count} {state}" for state, count in ends.items())
        screen.say(f"{counted(len(intent.finished), 'scan')} finished already: {counts}")


def show_outcome(screen: Screen, outcome: CancelOutcome) -> None:
    """Show the number of cancelled scans, those that finished by themselves, and the jobs that still run."""
    screen.say(f"{counted(len(outcome.cancelled), 'scan')} cancelled; every job of them has ended.", style="green")
    if outcome.finished_meanwhile:
        screen.say(f"{counted(len(outcome.finished_meanwhile), 'scan')} finished before the word reached them:")
        _show_names(screen, outcome.finished_meanwhile)
    if outcome.left:
        screen.warn(f"{counted(len(outcome.left), 'job')} would not end:")
        for name in outcome.left:
            screen.say(f"  {name}")
        screen.say("Type it again; `opsctl status` shows them.")
    screen.hints({"opsctl status": "where the run stands"})


def _show_names(screen: Screen, names: Sequence[str]) -> None:
    shown = ", ".join(names[:_NAMES_SHOWN])
    more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
    screen.say(f"  {shown}{more}")
