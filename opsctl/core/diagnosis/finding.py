"""A scan that waits, Batch's reasons for a blocked queue, and the findings that explain them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

Sure = Literal["certain", "likely"]


class BlockedReason(StrEnum):
    """Why the first job of a queue cannot start; each value identifies one of Batch's status reasons.

    https://docs.aws.amazon.com/batch/latest/userguide/troubleshooting.html#job_stuck_in_runnable
    """

    CAPACITY = "CAPACITY:"
    MAX_VCPUS = "COMPUTE_ENVIRONMENT_MAX_RESOURCE"
    JOB_SIZE = "JOB_RESOURCE_REQUIREMENT"
    SERVICE_ROLE = "SERVICE_ROLE_PERMISSIONS"
    INSTANCE_CONFIGURATION = "EC2_INSTANCE_CONFIGURATION_UNSUPPORTED"
    INVALID_ENVIRONMENT = "ACTION_REQUIRED"
    UNDETERMINED = "UNDETERMINED"


# Batch puts MISCONFIGURATION: before some of these reasons.
_BLOCKED = re.compile(r"(?:CAPACITY|MISCONFIGURATION|ACTION_REQUIRED|UNDETERMINED)\b|EC2_|SERVICE_ROLE")


def is_blocked_reason(reason: str) -> bool:
    """Whether a status reason is one that Batch gives for a blocked queue."""
    return bool(_BLOCKED.match(reason))


@dataclass(frozen=True)
class Finding:
    """One explanation: what is the case, what to do about it, and how sure it is."""

    what: str
    do: str
    sure: Sure = "certain"


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
