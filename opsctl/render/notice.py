"""The message that says that a run has ended."""

from __future__ import annotations

from opsctl.core.notify.message import Message, ended_message
from opsctl.core.runs.status import RunStatus
from opsctl.render.screen import duration_text


def run_message(status: RunStatus, *, platform_name: str) -> Message:
    """The message of a run that has ended: counts and times, never a subject's label."""
    elapsed = status.times.elapsed_seconds if status.times is not None else None
    return ended_message(
        status.run.run_id,
        platform_name=platform_name,
        counts=status.daily_counts,
        duration="" if elapsed is None else duration_text(elapsed),
    )
