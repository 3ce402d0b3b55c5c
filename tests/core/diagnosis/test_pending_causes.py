"""Why a job does not start: findings for AWS's documented reasons and for the states of the platform."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from support.why_examples import ENVIRONMENT, HEALTHY, QUEUE, WAIT

from opsctl.core.diagnosis.blocked_reasons import BLOCKED_REASONS, BlockedReason, blocked_reason, is_blocked_reason
from opsctl.core.diagnosis.causes import cause_of
from opsctl.core.diagnosis.pending_causes import blockers, pulling
from opsctl.core.diagnosis.queue_snapshot import (
    SPOT_QUOTA,
    Image,
    NotVisible,
    QueuedJob,
    QueueSnapshot,
    Quota,
    SecurityGroup,
    Subnet,
)
from opsctl.core.diagnosis.reason import batch_reason


def queue(**changes: Any) -> dict[str, Any]:
    return {"queue": dataclasses.replace(QUEUE, **changes)}


def environment(**changes: Any) -> dict[str, Any]:
    return {"environments": (dataclasses.replace(ENVIRONMENT, **changes),)}


#: Quoted from AWS's page "Jobs stuck in a RUNNABLE status".
REASONS = [
    (
        "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY - Service cannot fulfill the capacity requested for instance type [x]",
        "AWS has no instances of this type",
        "it starts when it has",
        "certain",
    ),
    (
        "MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE - CE(s) associated with the job queue cannot meet the CPU"
        " requirement of the job.",
        "maxvCpus is smaller",
        "opsctl up",
        "certain",
    ),
    (
        "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT - The job resource requirement (vCPU/memory/GPU) is higher than that"
        " can be met by the CE(s) attached to the job queue.",
        "asks for more than an instance can give (2 vCPUs, 15,200 MiB)",
        "--memory",
        "certain",
    ),
    (
        "MISCONFIGURATION:SERVICE_ROLE_PERMISSIONS – Batch service role has a permission issue.",
        "service role lacks permissions",
        "opsctl up",
        "certain",
    ),
    (
        "MISCONFIGURATION:EC2_INSTANCE_CONFIGURATION_UNSUPPORTED - Your compute environment associated with this job"
        " queue has an unsupported instance type configuration.",
        "not to be had in these zones",
        "another region",
        "certain",
    ),
    ("ACTION_REQUIRED - CE(s) associated with the job queue are invalid.", "is INVALID", "opsctl up", "certain"),
    (
        "UNDETERMINED - Batch job is blocked, root cause is undetermined.",
        "blocked, and not why",
        "wrong instance role",
        "likely",
    ),
    ("MISCONFIGURATION:SOMETHING_NEW - x", "Batch says: MISCONFIGURATION:SOMETHING_NEW", "AWS's page", "certain"),
]


@pytest.mark.parametrize(("reason", "what", "do", "sure"), REASONS, ids=[row[0].split()[0] for row in REASONS])
def test_each_documented_reason(reason: str, what: str, do: str, sure: str) -> None:
    (finding,) = blockers(HEALTHY, dataclasses.replace(WAIT, reason=reason))
    assert what in finding.what
    assert reason in finding.what
    assert do in finding.do
    assert finding.sure == sure


@pytest.mark.parametrize("reason", BLOCKED_REASONS, ids=lambda reason: reason.code)
def test_status_and_why_know_the_same_reasons_of_a_blocked_queue(reason: BlockedReason) -> None:
    (documented,) = [text for text, *_ in REASONS if blocked_reason(text) == reason]
    assert is_blocked_reason(documented)
    cause = cause_of(batch_reason(documented))
    assert (cause.code, cause.title) == (reason.code, reason.title)
    (finding,) = blockers(HEALTHY, dataclasses.replace(WAIT, reason=documented))
    assert finding.what.casefold().startswith(reason.title.casefold())


@pytest.mark.parametrize("prefix", ["", "MISCONFIGURATION:"])
@pytest.mark.parametrize("name", ["SERVICE_ROLE_PERMISSIONS", "EC2_INSTANCE_CONFIGURATION_UNSUPPORTED"])
def test_some_reasons_come_with_and_without_their_prefix(prefix: str, name: str) -> None:
    assert blocked_reason(f"{prefix}{name} - x") == blocked_reason(name)
    assert is_blocked_reason(f"{prefix}{name} - x")


def test_the_end_of_a_retried_attempt_is_no_reason_of_a_blocked_queue() -> None:
    assert not is_blocked_reason("Host EC2 (instance i-1) terminated.")


INVALID = "CLIENT_ERROR - Not authorized to perform sts:AssumeRole (Service: AWSSecurityTokenService; Status Code: 403)"
FLEET = "CLIENT_ERROR - Parameter: SpotFleetRequestConfig.IamFleetRole is invalid. (Service: AmazonEC2)"
NOT_ALLOWED = "CLIENT_ERROR - User: arn:aws:sts::1:assumed-role/x/aws-batch is not authorized to perform: y"
STATES = [
    ({"queue": None}, "queue is not there", "opsctl up", "certain"),
    (queue(state="DISABLED"), "queue opsctl-m2g-csd is DISABLED", "opsctl up", "certain"),
    (queue(status="INVALID", reason="x is gone"), "queue opsctl-m2g-csd is INVALID: x is gone", "opsctl up", "certain"),
    (queue(status="DELETING"), "queue opsctl-m2g-csd is being deleted", "opsctl up", "certain"),
    ({"environments": ()}, "has no compute environment", "opsctl up", "certain"),
    (environment(status="INVALID", reason=INVALID), "sts:AssumeRole", "role is gone, misnamed", "certain"),
    (environment(status="INVALID", reason=FLEET), "IamFleetRole", "role is gone, misnamed", "certain"),
    (environment(status="INVALID", reason=NOT_ALLOWED), "is not authorized", "role is gone", "certain"),
    (environment(status="INVALID", reason="Launch template x not found"), "INVALID", "launch template", "certain"),
    (environment(status="INVALID", reason="InvalidSubnetID.NotFound"), "INVALID", "network", "certain"),
    (environment(status="INVALID"), "Batch gives no reason", "opsctl up", "certain"),
    (environment(state="DISABLED"), "env is DISABLED", "opsctl up", "certain"),
    (environment(status="DELETING"), "env is being deleted", "opsctl up", "certain"),
    (environment(status="UPDATING"), "env is UPDATING", "by itself", "certain"),
    (environment(max_vcpus=1), "asks for 2 vCPUs, and the compute environment allows 1", "opsctl up", "certain"),
    ({"vcpus": 4}, "asks for 4 vCPUs, and r5.large has 2", "opsctl up", "certain"),
    ({"memory_mib": 20000}, "20,000 MiB, and r5.large has 16,384 MiB", "--memory 16100", "certain"),
    ({"memory_mib": 16200}, "about 16,138 can be had", "--memory 16100", "likely"),
    ({"quota": Quota("L-1216C47A", 1)}, "may run 1 on-demand vCPUs, and a scan needs 2", "L-1216C47A", "certain"),
    ({"vcpus_in_use": 639}, "quota is used up: 639 of 640", "L-1216C47A", "certain"),
    ({"subnets": (Subnet("s", True, ""),)}, "s has no route", "internet gateway", "certain"),
    ({"subnets": (Subnet("s", False, "igw-1"),)}, "s gives its instances no public", "NAT", "certain"),
    ({"subnets": (Subnet("s", False, "igw-1"), Subnet("t", True, "igw-1"))}, "s gives", "NAT", "likely"),
    ({"security_groups": (SecurityGroup("sg", False),)}, "sg lets instances reach nothing", "opsctl up", "certain"),
    ({"image": Image("repo:1", False)}, "repo:1 is not in its repository", "opsctl up --image", "certain"),
    ({"has_log_group": False}, "log group is gone", "opsctl up", "certain"),
]


@pytest.mark.parametrize(("changes", "what", "do", "sure"), STATES)
def test_each_state_of_the_platform(changes: dict[str, Any], what: str, do: str, sure: str) -> None:
    (finding,) = blockers(dataclasses.replace(HEALTHY, **changes), WAIT)
    assert what in finding.what
    assert do in finding.do
    assert finding.sure == sure


CALM = [
    ({}, {}, "Waits for an instance to boot: RUNNABLE for 2 min", "likely"),
    (environment(desired_vcpus=6), {}, "RUNNABLE for 2 min, Batch wants 6 vCPUs now", "certain"),
    (environment(desired_vcpus=6), {"seconds": 3700}, "RUNNABLE for 1 h 02 min, and Batch wants 6 vCPUs", "likely"),
    ({}, {"seconds": 3600}, "nothing that can be looked at is wrong", "likely"),
    ({}, {"status": "SUBMITTED", "seconds": 1}, "has just taken it", "certain"),
    ({}, {"status": "STARTING"}, "pulls the image and starts the container", "certain"),
    ({}, {"status": "STARTING", "seconds": 1200}, "STARTING for 20 min: the image is slow", "likely"),
    ({"image": Image("repo:1", False)}, {"status": "STARTING"}, "repo:1 is not in its repository", "certain"),
    (
        {"line": (QueuedJob(job_id="mine", created_at_ms=5, waiting=44, running=256),)},
        {"ahead_in_array": 7},
        "Waits its turn: 256 run, 44 wait, 7 of them before it; the platform runs 256 at once",
        "certain",
    ),
    (
        {
            "line": (
                QueuedJob(job_id="older", created_at_ms=4, waiting=9, running=20),
                QueuedJob(job_id="mine", created_at_ms=5, waiting=3, running=0),
                QueuedJob(job_id="younger", created_at_ms=6, waiting=50, running=0),
            )
        },
        {"ahead_in_array": 1},
        "Waits its turn: 20 run, 62 wait, 10 of them before it",
        "likely",
    ),
    (
        {"is_local": True},
        {"ahead_in_array": 2},
        "on this machine, a job a core: 0 run, 3 wait, 2 of them",
        "certain",
    ),
]


@pytest.mark.parametrize(("changes", "wait", "what", "sure"), CALM)
def test_what_merely_waits_is_told_calmly(changes: dict[str, Any], wait: dict[str, Any], what: str, sure: str) -> None:
    (finding,) = blockers(dataclasses.replace(HEALTHY, **changes), dataclasses.replace(WAIT, **wait))
    assert what in finding.what
    assert finding.sure == sure


def test_certain_comes_before_likely_and_all_are_told() -> None:
    sick = dataclasses.replace(HEALTHY, **environment(state="DISABLED"), memory_mib=16200, has_log_group=False)
    findings = blockers(sick, dataclasses.replace(WAIT, reason="UNDETERMINED - Batch job is blocked"))
    assert [finding.sure for finding in findings] == ["certain", "certain", "likely", "likely"]


def test_the_reason_of_the_queues_head_is_everybodys() -> None:
    head = QueuedJob(job_id="head", created_at_ms=1, waiting=1, running=0, reason=REASONS[0][0])
    (finding,) = blockers(dataclasses.replace(HEALTHY, line=(head,)), WAIT)
    assert "AWS has no instances" in finding.what
    assert "of the job at the queue's head" in finding.what
    sibling = dataclasses.replace(WAIT, head_reason=REASONS[0][0])
    assert "of the job at the queue's head" in blockers(HEALTHY, sibling)[0].what
    retried = dataclasses.replace(head, reason="Host EC2 (instance i-1) terminated.")
    assert "boot" in blockers(dataclasses.replace(HEALTHY, line=(retried,)), WAIT)[0].what


def test_spot_is_named_where_it_is_spot() -> None:
    spot = dataclasses.replace(HEALTHY, is_spot=True, quota=Quota(SPOT_QUOTA, 640), vcpus_in_use=640)
    findings = blockers(spot, dataclasses.replace(WAIT, reason=REASONS[0][0]))
    assert "Spot capacity" in findings[0].what
    assert "without --spot" in findings[0].do
    assert "Spot vCPU quota is used up" in findings[1].what


def test_where_instances_run_a_closed_subnet_is_less_sure() -> None:
    running = (QueuedJob(job_id="mine", created_at_ms=1, waiting=3, running=4),)
    closed = dataclasses.replace(HEALTHY, line=running, subnets=(Subnet("s", True, ""),))
    assert blockers(closed, WAIT)[0].sure == "likely"


LOOKED_AT = [field.name for field in dataclasses.fields(QueueSnapshot) if "NotVisible" in str(field.type)]


@pytest.mark.parametrize("name", LOOKED_AT)
def test_a_hidden_fact_is_no_finding_and_is_said_to_be_hidden(name: str) -> None:
    hidden = NotVisible("x:Y", "is not permitted")
    facts = dataclasses.replace(HEALTHY, **{name: hidden})
    assert facts.hidden == (hidden,)
    assert hidden.sentence == "could not be looked at: x:Y is not permitted"
    assert "boot" in blockers(facts, WAIT)[0].what


def test_everything_hidden_still_gives_an_answer() -> None:
    facts = dataclasses.replace(HEALTHY, **dict.fromkeys(LOOKED_AT, NotVisible("x:Y", "is not permitted")))
    assert len(facts.hidden) == 1
    assert blockers(facts, WAIT)
    assert pulling(facts) == []
    assert len(LOOKED_AT) == 12


def test_a_failed_pull_looks_at_image_network_and_log_group() -> None:
    sick = dataclasses.replace(
        HEALTHY, image=Image("repo:1", False), subnets=(Subnet("s", True, ""),), has_log_group=False
    )
    assert [finding.sure for finding in pulling(sick)] == ["certain", "likely", "certain"]
