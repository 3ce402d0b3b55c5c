"""Shows what running scans are doing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from rich.text import Text

from opsctl.core.harmless import harmless
from opsctl.core.runs.progress import ScanProgress
from opsctl.render.screen import counted, duration_text

_SCANS_SHOWN = 10


def progress_lines(progress: Iterable[ScanProgress]) -> list[Text]:
    """A line for each running scan whose phase is known, the ones that began first; of many the rest by phase."""
    known = sorted((scan for scan in progress if scan.phase is not None), key=lambda scan: (-scan.seconds, scan.scan))
    lines = [Text.assemble((scan.scan, "cyan"), f"  {progress_text(scan)}") for scan in known[:_SCANS_SHOWN]]
    if len(known) > _SCANS_SHOWN:
        phases = Counter(harmless(scan.phase.name) for scan in known[_SCANS_SHOWN:] if scan.phase is not None)
        rest = ", ".join(f"{count} in {name}" for name, count in phases.most_common())
        lines.append(Text(f"and {counted(len(known) - _SCANS_SHOWN, 'scan')} more that run: {rest}"))
    return lines


def progress_text(progress: ScanProgress) -> str:
    """`graphs 12 of 45, 41 min so far, about 20 min left`."""
    parts = [harmless(progress.phase.text)] if progress.phase is not None else []
    parts.append(f"{minutes_text(progress.seconds)} so far")
    if progress.remaining_seconds is not None:
        is_short = progress.remaining_seconds < 60
        left = "less than a minute" if is_short else f"about {minutes_text(progress.remaining_seconds)}"
        parts.append(f"{left} left")
    return ", ".join(parts)


def minutes_text(seconds: float) -> str:
    """A duration to the minute; a shorter one to the second."""
    return duration_text(seconds) if seconds < 60 or seconds >= 3600 else f"{round(seconds / 60)} min"
