"""Shows which scans are done and need a look."""

from __future__ import annotations

from collections.abc import Sequence

from opsctl.core.runs.scan_warnings import WarningGroup


def warnings_text(groups: Sequence[WarningGroup]) -> str:
    """`2 scans are done, look at them: regions lost (2)`; empty where there is no warning."""
    scans = {scan for group in groups for scan in group.scans}
    if not scans:
        return ""
    look = "scan is done, look at it" if len(scans) == 1 else "scans are done, look at them"
    return f"{len(scans):,} {look}: {', '.join(f'{group.title} ({len(group.scans):,})' for group in groups)}"
