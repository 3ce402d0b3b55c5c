"""A scan that waits, and the findings that explain it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Sure = Literal["certain", "likely"]


@dataclass(frozen=True)
class Finding:
    """One explanation: what is the case, what to do about it, and how sure it is.

    Attributes
    ----------
    what
        Empty where the explanation's title says it all.
    code
        A `CauseCode`; empty where the finding has none of its own.
    """

    what: str
    do: str
    sure: Sure = "certain"
    code: str = ""


@dataclass(frozen=True, kw_only=True)
class Wait:
    """A scan that has not started, or several that wait for the same reason.

    Attributes
    ----------
    status
        Batch's: SUBMITTED, PENDING, RUNNABLE or STARTING.
    seconds
        How long it has waited; of several scans, the longest wait.
    reason
        Batch's status reason; empty where Batch gives none.
    job_id
        Id of the job, or of the array job that the scan belongs to.
    ahead_in_array
        Number of waiting children of the array that come before it.
    head_reason
        Batch's reason for an earlier job of the run: Batch gives reasons only for the first job in a queue.
    """

    status: str
    seconds: float
    reason: str = ""
    job_id: str = ""
    ahead_in_array: int = 0
    head_reason: str = ""


def sentence(text: str) -> str:
    """A text as a sentence, with a capital and a full stop; an empty one stays empty."""
    return text and f"{text[:1].upper()}{text[1:].rstrip('.')}."
