"""Shows a dataset's scans and the results of their validation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rich.text import Text

from opsctl.commands.dataset.discovery import ChosenScans
from opsctl.core.dataset.scan import Discovery, Scan
from opsctl.core.dataset.scan_validation import Level, Verdict
from opsctl.core.harmless import harmless
from opsctl.render.page import table
from opsctl.render.screen import Screen, counted, size_text

_STYLES: dict[Level, str] = {"fine": "green", "warning": "yellow", "wrong": "red"}


def discovery_lines(discovery: Discovery) -> list[str]:
    """Counts, exclusions by reason, and the choices that discovery made."""
    total = len(discovery.scans) + len(discovery.excluded)
    lines = [f"{counted(total, 'scan')}, {len(discovery.scans)} runnable, {len(discovery.excluded)} excluded"]
    for reason, count in Counter(exclusion.reason for exclusion in discovery.excluded).most_common():
        example = next(exclusion.key for exclusion in discovery.excluded if exclusion.reason == reason)
        lines.append(f"  excluded: {reason} ({count}), e.g. {harmless(example)}")
    noted = [scan for scan in discovery.scans if scan.note]
    lines += [f"  {scan.name}: {scan.note}" for scan in noted[:5]]
    if len(noted) > 5:
        lines.append(f"  … and so for {len(noted) - 5} more scans")
    return [*lines, *(f"  {warning}" for warning in discovery.warnings)]


def scan_lines(scans: Sequence[Scan], *, room: int | None = None, notes: Sequence[str] = ()) -> list[Text]:
    """Scans, a line each: name, size, files.

    Parameters
    ----------
    room
        The width of a line; None: unlimited.
    notes
        Further cells of each line.
    """
    rows = [
        (scan.name, size_text(scan.size_bytes), ", ".join(file.role for file in scan.inputs), *notes) for scan in scans
    ]
    return table(rows, room=room, right=(1,))


def show_scans(screen: Screen, choice: ChosenScans) -> None:
    """Show the scans on standard output; counts and choices on standard error."""
    for line in discovery_lines(choice.discovery):
        screen.say(line)
    if len(choice.chosen) < len(choice.discovery.scans):
        screen.say(f"  {counted(len(choice.chosen), 'scan')} of them chosen")
    for row in scan_lines(choice.chosen, room=screen.data.room, notes=("runnable",)):
        screen.data.print(row)
    for exclusion in choice.discovery.excluded:
        screen.data.print(f"{exclusion.key}  excluded: {exclusion.reason}", style="yellow")


def show_verdicts(screen: Screen, choice: ChosenScans, verdicts: Sequence[Verdict]) -> None:
    """Show every scan with its verdict and its findings."""
    for line in discovery_lines(choice.discovery):
        screen.say(line)
    width = max((len(verdict.scan) for verdict in verdicts), default=0)
    for verdict in verdicts:
        row = Text(f"{verdict.scan:<{width}}  ")
        row.append(f"{verdict.level:<7}", style=_STYLES[verdict.level])
        if verdict.findings:
            row.append(f"  {harmless('; '.join(verdict.findings))}")
        screen.data.print(row)
    counts = Counter(verdict.level for verdict in verdicts)
    screen.say(", ".join(f"{counts[level]} {level}" for level in _STYLES))
