"""What AWS Batch, ECS and Docker say, and the code that it means."""

from __future__ import annotations

import pytest

from opsctl.core.diagnosis.aws_messages import code_of_message
from opsctl.core.diagnosis.cause_code import CauseCode

EXITED = "Essential container in task exited"
LIMIT = "Canceled by JobStateTimeLimit action due to reason: "
MESSAGES = [
    ("opsctl cancel: by ada", CauseCode.CANCELLED),
    ("opsctl cancel: by ada; OutOfMemoryError: Container killed due to memory usage", CauseCode.CANCELLED),
    ("opsctl down --force", CauseCode.CANCELLED_BY_DOWN),
    ("Host EC2 (instance i-0123456789abcdef0) terminated.", CauseCode.INSTANCE_LOST),
    ("Job attempt duration exceeded timeout", CauseCode.TIMED_OUT),
    ("Job queue was deleted", CauseCode.QUEUE_DELETED),
    (f"{LIMIT}CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY", CauseCode.QUEUE_CAPACITY_LIMIT),
    (f"{LIMIT}MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE", CauseCode.QUEUE_MAX_VCPUS_LIMIT),
    (f"{LIMIT}MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT", CauseCode.QUEUE_JOB_SIZE_LIMIT),
    (f"{LIMIT}UNDETERMINED", CauseCode.QUEUE_TIME_LIMIT),
    (f"{LIMIT}something new", CauseCode.QUEUE_TIME_LIMIT),
    ("Canceled by JobStateTimeLimit", CauseCode.QUEUE_TIME_LIMIT),
    ("Task failed to start; CannotPullContainerError: toomanyrequests: You have", CauseCode.IMAGE_PULL_LIMIT),
    ("CannotPullContainerError: manifest for x:1 not found: manifest unknown", CauseCode.IMAGE_NOT_FOUND),
    ("CannotPullContainerError: Get https://x: dial tcp: i/o timeout", CauseCode.REGISTRY_UNREACHABLE),
    ("CannotPullContainerError: dial tcp 1.2.3.4:443: connect: no route to host", CauseCode.REGISTRY_UNREACHABLE),
    ("CannotPullContainerError: failed to register layer: write /x: no space left on device", CauseCode.DISK_FULL),
    ("CannotPullContainerError: pull access denied for x, repository does not exist", CauseCode.IMAGE_PULL_DENIED),
    ("CannotPullContainerError: context deadline", CauseCode.IMAGE_PULL_FAILED),
    ("CannotStartContainerError: failed to initialize logging driver: x", CauseCode.LOG_GROUP_UNAVAILABLE),
    ("CannotStartContainerError: OCI runtime create failed", CauseCode.CONTAINER_NOT_STARTED),
    ("CannotCreateContainerError: x", CauseCode.CONTAINER_NOT_CREATED),
    ("DockerTimeoutError: Could not transition to created; timed out", CauseCode.DOCKER_TIMEOUT),
    # As nextflow-io/nextflow#3091, #5380 and aws/amazon-ecs-agent#375 quote them; RESOURCE:* is in the ECS guide.
    (
        f"{EXITED}; CannotInspectContainerError: Could not transition to inspecting; timed out after waiting 30s",
        CauseCode.CONTAINER_NOT_INSPECTED,
    ),
    ("CgroupError: Agent could not create task's platform resources", CauseCode.CONTAINER_LIMITS_NOT_SET),
    ("AGENT", CauseCode.AGENT_DISCONNECTED),
    ("Task failed to start; AGENT", CauseCode.AGENT_DISCONNECTED),
    ("TaskFailedToStart: AGENT", CauseCode.AGENT_DISCONNECTED),
    ("TaskFailedToStart: RESOURCE:MEMORY", CauseCode.INSTANCE_TOO_SMALL),
    ("RESOURCE:CPU", CauseCode.INSTANCE_TOO_SMALL),
    ("Dependent Job failed", CauseCode.DEPENDENCY_FAILED),
    ("DependentJobFailed", CauseCode.DEPENDENCY_FAILED),
    (
        "Task failed to start; CannotPullContainerError: Error: localhost/none:1: image not known",
        CauseCode.IMAGE_NOT_FOUND,
    ),
    ("OutOfMemoryError: Container killed due to memory usage", CauseCode.OUT_OF_MEMORY),
    ("The local platform was stopped", CauseCode.LOCAL_PLATFORM_STOPPED),
    ("The local platform failed, see its server.log", CauseCode.LOCAL_PLATFORM_FAILED),
    ("CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY - Service cannot fulfill", CauseCode.WAIT_CAPACITY),
    ("ended by hand in the console", CauseCode.UNKNOWN),
    ("", CauseCode.UNKNOWN),
    (EXITED, CauseCode.CONTAINER_EXITED),
]
EXIT_CODES = [
    (1, CauseCode.EXITED_WITH_1),
    (2, CauseCode.SCAN_RECORD_INVALID),
    (75, CauseCode.S3_UNAVAILABLE),
    (137, CauseCode.KILLED),
    (139, CauseCode.CRASHED),
    (143, CauseCode.STOPPED),
]


@pytest.mark.parametrize(("message", "code"), MESSAGES)
def test_each_message_has_its_code(message: str, code: CauseCode) -> None:
    assert code_of_message(message) == code


@pytest.mark.parametrize(("exit_code", "code"), EXIT_CODES)
def test_an_exit_code_decides_where_there_is_no_further_message(exit_code: int, code: CauseCode) -> None:
    assert code_of_message("", exit_code=exit_code) == code
    assert code_of_message(EXITED, exit_code=exit_code) == code
    assert code_of_message("Host EC2 (instance i-1) terminated.", exit_code=exit_code) == CauseCode.INSTANCE_LOST
    assert code_of_message("ended by hand in the console", exit_code=exit_code) == CauseCode.UNKNOWN


def test_an_exit_code_in_prose_decides_nothing() -> None:
    assert code_of_message("exit code 137") == CauseCode.UNKNOWN
    assert code_of_message(EXITED, exit_code=9) == CauseCode.CONTAINER_EXITED
