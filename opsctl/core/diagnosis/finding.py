"""What a rule reads of a waiting scan, and what it says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Sure = Literal["certain", "likely"]


@dataclass(frozen=True)
class Finding:
    """One explanation: what, what to do about it, and how sure it is."""

    what: str
    do: str
    sure: Sure = "certain"


@dataclass(frozen=True, kw_only=True)
class Wait:
    """A scan that has not started, or several that wait alike.

    Attributes
    ----------
    status
        Batch's: SUBMITTED, PENDING, RUNNABLE or STARTING.
    seconds
        How long, at most.
    reason
        Batch's status reason; empty where it gives none.
    job_id
        Of the job, or of the array that the scan is a child of.
    ahead_in_array
        How many waiting children of that array stand before it.
    head_reason
        Batch's reason of a job that stands before it: Batch gives it to the first in line only.
    """

    status: str
    seconds: float
    reason: str = ""
    job_id: str = ""
    ahead_in_array: int = 0
    head_reason: str = ""
