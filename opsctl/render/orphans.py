"""What an earlier `up` left, and what becomes of it."""

from __future__ import annotations

from datetime import datetime

from opsctl.commands.orphans import Found
from opsctl.core.inventory import counts_text
from opsctl.render.screen import duration_text


def found_lines(found: Found, *, now: datetime) -> list[str]:
    """A line for what goes, what is taken over and what is made anew; nothing where all is as the state has it."""
    gone = (*found.orphans, *found.later)
    lines = []
    if gone:
        newest = f" (the last {duration_text((now - found.newest).total_seconds())} ago)" if found.newest else ""
        lines.append(f"{len(gone)} left of an earlier up that was killed{newest}, to be removed first:")
        lines.append(f"  {counts_text(gone)}")
    lines += [f"  not opsctl's, so it stays: {one.words}" for one in found.foreign]
    if found.log_group:
        lines.append(f"The log group {found.log_group.id} is taken over, with its lines.")
    lines += [f"{one.words} is INVALID and is made anew. AWS says: {one.reason}" for one in found.invalid]
    return lines
