"""Shows what will be cancelled, and the outcome."""

from __future__ import annotations

from collections.abc import Sequence

from opsctl.commands.runs.cancel import CancelOutcome, CancelPlan
from opsctl.core.runs.state import counts_text, daily_counts
from opsctl.render.screen import Screen, counted, counted_verb

_NAMES_SHOWN = 10


def show_cancel_plan(screen: Screen, plan: CancelPlan) -> None:
    """Show the scans that are active, and those that have finished."""
    screen.say(plan.status.run.run_id, style="bold")
    if plan.active:
        screen.say(counts_text(daily_counts(scan.daily for scan in plan.active)) + ":")
        _show_names(screen, [scan.name for scan in plan.active])
    else:
        whose = "The run has no active scan" if plan.is_whole else "None of these scans is active"
        screen.say(f"{whose}: nothing to cancel.")
    if plan.finished:
        counts = counts_text(daily_counts(scan.daily for scan in plan.finished))
        screen.say(f"{counted_verb(len(plan.finished), 'scan', singular='has', plural='have')} ended already: {counts}")


def show_outcome(screen: Screen, outcome: CancelOutcome) -> None:
    """Show the number of cancelled scans, those that finished by themselves, and the jobs that still run."""
    cancelled = counted_verb(len(outcome.cancelled), "scan", singular="was", plural="were")
    jobs = "Its job has" if len(outcome.cancelled) == 1 else "Their jobs have"
    screen.say(f"{cancelled} cancelled." + (f" {jobs} ended." if outcome.cancelled else ""), style="green")
    if outcome.finished_meanwhile:
        screen.say(f"{counted(len(outcome.finished_meanwhile), 'scan')} finished before the cancellation:")
        _show_names(screen, outcome.finished_meanwhile)
    if outcome.left:
        screen.warn(f"{counted_verb(len(outcome.left), 'job', singular='has', plural='have')} not ended:")
        for name in outcome.left:
            screen.say(f"  {name}")
        screen.say(f"`opsctl cancel --run {outcome.run_id}` tries again.")
    screen.hints({f"opsctl status --run {outcome.run_id}": "show the state of the run"})


def _show_names(screen: Screen, names: Sequence[str]) -> None:
    shown = ", ".join(names[:_NAMES_SHOWN])
    more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
    screen.say(f"  {shown}{more}")
