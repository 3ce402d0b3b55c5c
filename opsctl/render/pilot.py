"""Shows the scans of a pilot, what its settings cost together, and how to compare them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from opsctl.commands.runs.run_plan import RunPlan
from opsctl.core.comparison.pilot import RULE
from opsctl.core.comparison.settings_price import SettingsPrice
from opsctl.render.screen import counted, duration_text

#: How many subjects of a pilot are listed.
_MOST_SUBJECTS = 12


def pilot_lines(plan: RunPlan) -> list[str]:
    """Which scans a pilot is made of, and by which rule; nothing without `--pilot`."""
    pilot = plan.request.selection.pilot
    if pilot is None:
        return []
    sessions: dict[str, list[str]] = defaultdict(list)
    for scan in plan.chosen:
        sessions[scan.subject].append(scan.name.partition("/")[2])
    subjects = sorted(sessions)
    size = f"{counted(len(subjects), 'subject')} with {counted(pilot.sessions, 'session')} each"
    lines = [f"pilot: {size}, {RULE}"]
    lines += [f"  sub-{subject}: {', '.join(sessions[subject])}" for subject in subjects[:_MOST_SUBJECTS]]
    if len(subjects) > _MOST_SUBJECTS:
        lines.append(f"  … and {counted(len(subjects) - _MOST_SUBJECTS, 'more subject')} (--dry-run --json lists all)")
    return lines


def together_line(price: SettingsPrice) -> str:
    """What all settings cost together, and how long they take."""
    shortest, longest = (duration_text(hours * 3600) for hours in (price.shortest_hours, price.longest_hours))
    about = "at most" if price.is_upper_bound else "about"
    time = f"{about} {longest}" if shortest == longest else f"{about} {shortest} to {longest}"
    count = counted(price.scan_count, "scan")
    return f"together: {counted(price.settings, 'setting')}, {count}, {price.money.text}; {time} on AWS"


def unpaired_line(plan: RunPlan) -> str:
    """Say how many subjects of a pilot have fewer sessions left than it asked for; empty where none has."""
    pilot = plan.request.selection.pilot
    left_out = {verdict.scan.partition("/")[0] for verdict in plan.left_out}
    if pilot is None or not left_out:
        return ""
    return (
        f"{counted(len(left_out), 'subject')} of the pilot {'has' if len(left_out) == 1 else 'have'} fewer than"
        f" {pilot.sessions} sessions without the scans that are left out: reliability rests on the others."
    )


def compare_commands(derivatives: Sequence[str]) -> dict[str, str]:
    """The commands that compare settings when they are done: each with the first.

    Parameters
    ----------
    derivatives
        Of each setting, in order, what `opsctl compare` takes.
    """
    first, *others = derivatives
    when = "when both are done" if len(others) == 1 else "when they are done"
    return {f"opsctl compare {first} {other}": when for other in others}
