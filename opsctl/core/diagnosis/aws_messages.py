"""What AWS Batch, ECS and Docker say of jobs and compute environments, mapped to codes.

This is the only place, beside the table of Batch's reasons for a blocked queue, where a text decides. m2g's output is
never in it.
"""

from __future__ import annotations

import re
from enum import StrEnum

from opsctl.core.diagnosis.blocked_reasons import blocked_reason
from opsctl.core.diagnosis.cause_code import CauseCode

#: The job queue's time limits (terraform/modules/batch/job_queue.tf) cancel a job that waits for one of these reasons.
_TIME_LIMIT = re.compile(r"JobStateTimeLimit(?:.*?reason:\s*(.*))?", re.DOTALL)
_TIME_LIMIT_CODES = {
    CauseCode.WAIT_CAPACITY: CauseCode.QUEUE_CAPACITY_LIMIT,
    CauseCode.WAIT_MAX_VCPUS: CauseCode.QUEUE_MAX_VCPUS_LIMIT,
    CauseCode.WAIT_JOB_SIZE: CauseCode.QUEUE_JOB_SIZE_LIMIT,
}

#: The first pattern that matches decides: deliberate ends first, whatever the container's own message was.
_PATTERNS: tuple[tuple[re.Pattern[str], CauseCode], ...] = tuple(
    (re.compile(pattern), code)
    for pattern, code in (
        # Batch repeats the reasons that opsctl gives to TerminateJob.
        (r"opsctl cancel\b", CauseCode.CANCELLED),
        (r"opsctl down\b", CauseCode.CANCELLED_BY_DOWN),
        (r"JobStateTimeLimit", CauseCode.QUEUE_TIME_LIMIT),
        (r"[Jj]ob queue (was|has been) deleted", CauseCode.QUEUE_DELETED),
        # Batch fails a job that waits for a failed one. opsctl's own jobs wait for none: somebody submitted it by hand.
        (r"Dependent ?[Jj]ob ?[Ff]ailed", CauseCode.DEPENDENCY_FAILED),
        (r"Host EC2", CauseCode.INSTANCE_LOST),
        # The local platform says these in Batch's place.
        (r"[Tt]he local platform was stopped", CauseCode.LOCAL_PLATFORM_STOPPED),
        (r"[Tt]he local platform failed", CauseCode.LOCAL_PLATFORM_FAILED),
        (r"Job attempt duration exceeded", CauseCode.TIMED_OUT),
        # Containers that never ran. Docker reports a full disk as an image that cannot be pulled.
        (r"[Nn]o space left on device|failed to register layer", CauseCode.DISK_FULL),
        (r"CannotPull.*(toomanyrequests|rate limit|429)", CauseCode.IMAGE_PULL_LIMIT),
        (
            r"CannotPull.*(pull access denied|unauthorized|no basic auth|denied:|403|not authorized)",
            CauseCode.IMAGE_PULL_DENIED,
        ),
        (
            # The last two are Docker's and Podman's, on the local platform.
            r"CannotPull.*(not found|manifest unknown|does not exist|name unknown|[Nn]o such image|image not known)",
            CauseCode.IMAGE_NOT_FOUND,
        ),
        (
            r"CannotPull.*(no route|i/o timeout|dial tcp|connection refused|connection reset|request canceled"
            r"|[Tt]imeout|TLS handshake|unreachable|no such host|EOF)",
            CauseCode.REGISTRY_UNREACHABLE,
        ),
        (r"CannotPull", CauseCode.IMAGE_PULL_FAILED),
        (r"initialize logging driver|CannotStartContainer.*log", CauseCode.LOG_GROUP_UNAVAILABLE),
        (r"DockerTimeoutError|ContainerTimeout", CauseCode.DOCKER_TIMEOUT),
        (r"CannotInspectContainer", CauseCode.CONTAINER_NOT_INSPECTED),
        (r"CannotCreateContainer", CauseCode.CONTAINER_NOT_CREATED),
        (r"CgroupError", CauseCode.CONTAINER_LIMITS_NOT_SET),
        # ECS's reasons for not placing a task: "API failure reasons" in the Amazon ECS Developer Guide.
        (r"RESOURCE:\w+", CauseCode.INSTANCE_TOO_SMALL),
        (r"(^|; |TaskFailedToStart: )AGENT\b", CauseCode.AGENT_DISCONNECTED),
        (r"CannotStartContainer|ResourceInitializationError|Task failed to start", CauseCode.CONTAINER_NOT_STARTED),
        (r"OutOfMemoryError|Container killed due to memory", CauseCode.OUT_OF_MEMORY),
    )
)
#: What Batch says of every container that ran, also of one that succeeded.
_EXITED = re.compile(r"Essential container in task exited")

_EXIT_CODES = {
    1: CauseCode.EXITED_WITH_1,
    2: CauseCode.SCAN_RECORD_INVALID,
    75: CauseCode.S3_UNAVAILABLE,
    **dict.fromkeys((132, 134, 135, 136, 139), CauseCode.CRASHED),
    137: CauseCode.KILLED,
    143: CauseCode.STOPPED,
}


def code_of_message(message: str, *, exit_code: int | None = None) -> CauseCode:
    """The cause that Batch's message about a job means.

    Parameters
    ----------
    message
        Batch's status reason and the container's; may be empty.
    exit_code
        The container's. It decides where the message says no more than that the container has ended.
    """
    for pattern, code in _PATTERNS:
        if pattern.search(message):
            return _time_limit_code(message) if code is CauseCode.QUEUE_TIME_LIMIT else code
    waits_for = blocked_reason(message)
    if waits_for is not None:
        return waits_for.code
    has_exited = _EXITED.search(message) is not None
    if message and not has_exited:
        return CauseCode.UNKNOWN
    if exit_code in _EXIT_CODES:
        return _EXIT_CODES[exit_code]
    return CauseCode.CONTAINER_EXITED if has_exited else CauseCode.UNKNOWN


def _time_limit_code(message: str) -> CauseCode:
    match = _TIME_LIMIT.search(message)
    waits_for = blocked_reason(match[1]) if match and match[1] else None
    return (
        _TIME_LIMIT_CODES.get(waits_for.code, CauseCode.QUEUE_TIME_LIMIT) if waits_for else CauseCode.QUEUE_TIME_LIMIT
    )


class EnvironmentFault(StrEnum):
    """The part of a compute environment that Batch finds invalid."""

    ROLE = "role"
    LAUNCH_TEMPLATE = "launch_template"
    NETWORK = "network"
    OTHER = "other"


_ENVIRONMENT_PATTERNS = (
    (re.compile(r"AssumeRole|is not\s+authorized|Not authorized|IamFleetRole|[Rr]ole"), EnvironmentFault.ROLE),
    (re.compile(r"[Ll]aunch ?[Tt]emplate"), EnvironmentFault.LAUNCH_TEMPLATE),
    (re.compile(r"[Ss]ubnet|[Ss]ecurity ?[Gg]roup|VPC"), EnvironmentFault.NETWORK),
)


def environment_fault(status_reason: str) -> EnvironmentFault:
    """Why a compute environment is INVALID, by Batch's status reason."""
    faults = (fault for pattern, fault in _ENVIRONMENT_PATTERNS if pattern.search(status_reason))
    return next(faults, EnvironmentFault.OTHER)
