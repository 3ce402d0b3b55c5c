"""A machine whose clock differs from AWS's: AWS refuses what it signs."""

from __future__ import annotations

from opsctl.core.errors import ErrorCode, Problem

#: Services other than S3 refuse a difference of five minutes; the reply took time to arrive.
WRONG_SECONDS = 240.0
#: S3 answers HEAD without a body: 403 may then mean a wrong clock, but only one that S3 does not tolerate.
WRONG_FOR_S3_SECONDS = 900.0

SET_CLOCK = "Set the clock: `sudo timedatectl set-ntp true`, on macOS `sudo sntp -sS time.apple.com`."


def difference(ahead_seconds: float) -> str:
    """How far the clock is ahead of AWS's, in words: `is 60 minutes ahead of AWS's`."""
    minutes = round(abs(ahead_seconds) / 60)
    amount = f"{minutes} minutes" if minutes > 1 else f"{abs(ahead_seconds):.0f} s"
    return f"is {amount} {'ahead of' if ahead_seconds > 0 else 'behind'} AWS's"


def wrong_clock(ahead_seconds: float) -> Problem:
    """AWS refused a request because of its time.

    Parameters
    ----------
    ahead_seconds
        How far the clock is ahead of AWS's; 0 where the reply does not tell.
    """
    how = difference(ahead_seconds) if abs(ahead_seconds) >= 1 else "differs from AWS's"
    return Problem(f"The clock of this machine {how}.", SET_CLOCK, code=ErrorCode.CLOCK_WRONG)
