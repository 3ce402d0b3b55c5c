"""`--since`: how long ago, or a moment."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from opsctl.core.errors import UsageProblem

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_AGO = re.compile(r"(?:(\d+)\s*([smhdw])\s*)+", re.IGNORECASE)
_PART = re.compile(r"(\d+)\s*([smhdw])", re.IGNORECASE)


def moment_of(text: str, *, now: datetime) -> datetime:
    """The moment that is meant by `30m`, `1d12h` or an ISO 8601 time.

    Parameters
    ----------
    text
        A time without a zone is this machine's local time.
    now
        With its zone.

    Raises
    ------
    UsageProblem
        Where it is neither, or still to come.
    """
    words = text.strip()
    try:
        if _AGO.fullmatch(words):
            ago = sum((timedelta(**{_UNITS[unit.lower()]: int(n)}) for n, unit in _PART.findall(words)), timedelta())
            return now.astimezone(UTC) - ago
        found = datetime.fromisoformat(words).astimezone(UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise UsageProblem(
            f"--since {text} is not a time.", "Say how long ago (30m, 2h, 1d) or when (2026-11-22T10:00Z)."
        ) from error
    if found > now:
        raise UsageProblem(f"--since {text} is still to come.", "A time without a zone is local: add Z for UTC.")
    return found
