"""The duration of a run as people plan with it."""

from __future__ import annotations


def span_text(hours: float) -> str:
    """`54 min`, `11 h 12 min`, `4 d 03 h`: two units at most."""
    minutes = round(hours * 60)
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 48 * 60:
        return f"{minutes // 60} h {minutes % 60:02d} min"
    whole_hours = round(hours)
    return f"{whole_hours // 24} d {whole_hours % 24:02d} h"
