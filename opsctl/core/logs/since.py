"""Parse `--since`: a duration before now, or a time."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from opsctl.core.errors import UsageProblem

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_AGO = re.compile(r"(?:(\d+)\s*([smhdw])\s*)+", re.IGNORECASE)
_PART = re.compile(r"(\d+)\s*([smhdw])", re.IGNORECASE)


def moment_of(text: str, *, now: datetime) -> datetime:
    """The time that `30m`, `1d12h` or an ISO 8601 time means.

    Parameters
    ----------
    text
        A time without a time zone is this machine's local time.
    now
        With its time zone.

    Raises
    ------
    UsageProblem
        If it is neither a duration nor a time, or a time in the future.
    """
    stripped = text.strip()
    try:
        if _AGO.fullmatch(stripped):
            parts = _PART.findall(stripped)
            ago = sum((timedelta(**{_UNITS[unit.lower()]: int(count)}) for count, unit in parts), timedelta())
            return now.astimezone(UTC) - ago
        moment = datetime.fromisoformat(stripped).astimezone(UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise UsageProblem(
            f"--since {text} is not a time.", "Say how long ago (30m, 2h, 1d) or when (2026-11-22T10:00Z)."
        ) from error
    if moment > now:
        raise UsageProblem(f"--since {text} is still to come.", "A time without a zone is local: add Z for UTC.")
    return moment
