"""What was found in a dataset."""

from __future__ import annotations

from collections import Counter

from opsctl.core.scan import Discovery
from opsctl.render.screen import counted, harmless


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
