"""What somebody changed by hand, before what `up` would do about it."""

from __future__ import annotations

from opsctl.core.changes import Plan


def drift_lines(plan: Plan) -> list[str]:
    """A line for each change by hand under a headline; nothing where there is none."""
    if not plan.by_hand:
        return []
    return ["Not as the last `up` left it:", *(f"  {sentence}" for sentence in plan.by_hand)]
