"""Batch's reasons for a blocked queue: the one list of them, with title and remedy.

https://docs.aws.amazon.com/batch/latest/userguide/troubleshooting.html#job_stuck_in_runnable
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from opsctl.core.diagnosis.cause_code import CauseCode
from opsctl.core.diagnosis.finding import Sure

_UP = "`opsctl up`, with the options it was made with, brings it back to what opsctl made"


@dataclass(frozen=True)
class BlockedReason:
    """One of Batch's reasons.

    Attributes
    ----------
    pattern
        Matches the beginning of a status reason.
    title, help
        What it means, and what to do about it.
    sure
        Whether it explains the wait, or only makes an explanation likely.
    """

    code: CauseCode
    pattern: re.Pattern[str]
    title: str
    help: str
    sure: Sure = "certain"


def _reason(code: CauseCode, pattern: str, title: str, help_: str, sure: Sure = "certain") -> BlockedReason:
    # Batch puts MISCONFIGURATION: before some of these reasons.
    return BlockedReason(code, re.compile(rf"(?:MISCONFIGURATION:)?(?:{pattern})"), title, help_, sure)


#: The first pattern that matches decides.
BLOCKED_REASONS: tuple[BlockedReason, ...] = (
    _reason(
        CauseCode.WAIT_CAPACITY,
        r"CAPACITY\b",
        "AWS has no instances of this type to give now",
        "nothing: it starts when it has",
    ),
    _reason(
        CauseCode.WAIT_MAX_VCPUS,
        "COMPUTE_ENVIRONMENT_MAX_RESOURCE",
        "the compute environment's maxvCpus is smaller than one scan's vCPUs",
        _UP,
    ),
    _reason(
        CauseCode.WAIT_JOB_SIZE,
        "JOB_RESOURCE_REQUIREMENT",
        "a scan asks for more than an instance can give",
        "cancel it (`opsctl cancel`) and run it again with less --memory",
    ),
    _reason(
        CauseCode.WAIT_SERVICE_ROLE,
        "SERVICE_ROLE_PERMISSIONS",
        "Batch's service role lacks permissions",
        f"its policies were changed: {_UP}",
    ),
    _reason(
        CauseCode.WAIT_INSTANCE_CONFIGURATION,
        "EC2_INSTANCE_CONFIGURATION_UNSUPPORTED",
        "the instance type is not to be had in these zones, or not with this launch template",
        f"{_UP}; else take another region",
    ),
    _reason(CauseCode.WAIT_ENVIRONMENT_INVALID, r"ACTION_REQUIRED\b", "the compute environment is INVALID", _UP),
    _reason(
        CauseCode.WAIT_UNDETERMINED,
        r"UNDETERMINED\b",
        "Batch knows that the queue is blocked, and not why",
        "usual are instances that cannot join: no way out of the subnet, a wrong instance role, the vCPU quota",
        "likely",
    ),
    BlockedReason(
        CauseCode.WAIT_OTHER,
        re.compile(r"MISCONFIGURATION\b|EC2_|SERVICE_ROLE"),
        "Batch reports a misconfiguration",
        'AWS\'s page "Jobs stuck in a RUNNABLE status" may know this reason',
    ),
)


def blocked_reason(status_reason: str) -> BlockedReason | None:
    """The reason for a blocked queue that a status reason gives; None where it says something else."""
    return next((reason for reason in BLOCKED_REASONS if reason.pattern.match(status_reason)), None)


def is_blocked_reason(status_reason: str) -> bool:
    """Whether a status reason is one that Batch gives for a blocked queue."""
    return blocked_reason(status_reason) is not None
