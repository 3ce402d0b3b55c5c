"""A dataset's scans and the verdicts on them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rich.text import Text

from opsctl.commands.dataset.discovery import ChosenScans
from opsctl.core.dataset.scan import Discovery, Scan
from opsctl.core.dataset.scan_validation import Level, Verdict
from opsctl.render.page import table
from opsctl.render.screen import Screen, counted, harmless, size_text

_STYLES: dict[Level, str] = {"fine": "green", "warning": "yellow", "wrong": "red"}


def discovery_lines(discovery: Discovery) -> list[str]:
    """Counts, exclusions by reason, and the choices that were made."""
    total = len(discovery.scans) + len(discovery.excluded)
    lines = [f"{counted(total, 'scan')}, {len(discovery.scans)} runnable, {len(discovery.excluded)} excluded"]
    for reason, count in Counter(one.reason for one in discovery.excluded).most_common():
        example = next(one.key for one in discovery.excluded if one.reason == reason)
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
        A line's width; None: any.
    notes
        What else each line says of its scan.
    """
    rows = [
        (scan.name, size_text(scan.size_bytes), ", ".join(one.role for one in scan.inputs), *notes) for scan in scans
    ]
    return table(rows, room=room, right=(1,))


def show_scans(screen: Screen, found: ChosenScans) -> None:
    """The table on standard output; counts, exclusions and choices as words."""
    for line in discovery_lines(found.discovery):
        screen.say(line)
    if len(found.chosen) < len(found.discovery.scans):
        screen.say(f"  {counted(len(found.chosen), 'scan')} of them chosen")
    for row in scan_lines(found.chosen, room=screen.data.room, notes=("runnable",)):
        screen.data.print(row)
    for one in found.discovery.excluded:
        screen.data.print(f"{one.key}  excluded: {one.reason}", style="yellow")


def show_verdicts(screen: Screen, found: ChosenScans, verdicts: Sequence[Verdict]) -> None:
    """Every scan with its verdict and what was found."""
    for line in discovery_lines(found.discovery):
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
