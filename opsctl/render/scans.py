"""A dataset's scans and the verdicts on them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rich.text import Text

from opsctl.commands.dataset import Found
from opsctl.core.checks import Level, Verdict
from opsctl.core.scan import Scan
from opsctl.render.runs import discovery_lines
from opsctl.render.screen import Screen, counted, harmless, size_text

_STYLES: dict[Level, str] = {"fine": "green", "warning": "yellow", "wrong": "red"}


def scan_lines(scans: Sequence[Scan]) -> list[str]:
    """Scans, a line each: name, size, files."""
    width = max((len(scan.name) for scan in scans), default=0)
    return [
        f"{scan.name:<{width}}  {size_text(scan.size_bytes):>9}  {', '.join(one.role for one in scan.inputs)}"
        for scan in scans
    ]


def show_scans(screen: Screen, found: Found) -> None:
    """The table on standard output; counts, exclusions and choices as words."""
    for line in discovery_lines(found.discovery):
        screen.say(line)
    if len(found.chosen) < len(found.discovery.scans):
        screen.say(f"  {counted(len(found.chosen), 'scan')} of them chosen")
    for line in scan_lines(found.chosen):
        screen.data.print(f"{line}  runnable", markup=False)
    for one in found.discovery.excluded:
        screen.data.print(harmless(f"{one.key}  excluded: {one.reason}"), markup=False, style="yellow")


def show_verdicts(screen: Screen, found: Found, verdicts: Sequence[Verdict]) -> None:
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
