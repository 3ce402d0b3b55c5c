"""The snapshot of a queue: what is asked of AWS exactly, and what becomes of an answer that is refused."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest
from support.launch_messages import FREE_TIER, KMS_DENIED
from support.queue_answers import ENVIRONMENT, IMAGE, QUEUE, RESOURCES, RUN, SERVICES, Aws, group, route

from opsctl.aws.clients import Clients
from opsctl.aws.refusals import DENIED
from opsctl.core.diagnosis.queue_snapshot import (
    Image,
    InstanceType,
    NotVisible,
    QueuedJob,
    Quota,
    SecurityGroup,
)
from opsctl.core.platform.subnet import Subnet


@pytest.fixture(scope="module")
def clients() -> Clients:
    return Clients(endpoint_url="http://127.0.0.1:1", region="us-east-1")


@pytest.fixture
def aws(clients: Clients) -> Iterator[Aws]:
    yield Aws(clients)
    for service in SERVICES:
        events = getattr(clients, service).meta.events
        events.unregister("provide-client-params", unique_id="aws-note")
        events.unregister("before-call", unique_id="aws-answer")


def test_every_fact_is_asked_for_exactly(aws: Aws) -> None:
    facts = aws.facts()
    assert facts.hidden == ()
    asked = dict(aws.asked)
    listed = asked.pop("ListJobs")
    assert sorted(one["jobStatus"] for one in listed) == ["PENDING", "RUNNABLE", "RUNNING", "STARTING", "SUBMITTED"]
    assert {one["jobQueue"] for one in listed} == {"arn:queue-csd"}
    assert asked == {
        "DescribeJobQueues": [{"jobQueues": ["arn:queue-csd"]}],
        "DescribeComputeEnvironments": [{"computeEnvironments": ["arn:environment-csd"]}],
        "DescribeJobs": [{"jobs": ["array"]}],
        "DescribeInstanceTypes": [{"InstanceTypes": ["r5.large"]}],
        "DescribeLogGroups": [{"logGroupNamePrefix": "/opsctl/m2g"}],
        "GetServiceQuota": [{"ServiceCode": "ec2", "QuotaCode": "L-1216C47A"}],
        "DescribeInstances": [{"Filters": [{"Name": "instance-state-name", "Values": ["pending", "running"]}]}],
        "DescribeImages": [
            {"registryId": "123456789012", "repositoryName": "opsctl-m2g", "imageIds": [{"imageTag": "0.1.0"}]}
        ],
        "DescribeSubnets": [{"SubnetIds": ["subnet-a", "subnet-b"]}],
        "DescribeRouteTables": [{"Filters": [{"Name": "vpc-id", "Values": ["vpc-1"]}]}],
        # One of the subnets has no way to the internet.
        "DescribeVpcEndpoints": [{"Filters": [{"Name": "vpc-id", "Values": ["vpc-1"]}]}],
        "DescribeSecurityGroups": [{"GroupIds": ["sg-1"]}],
        "DescribeAutoScalingGroups": [{}],
        "DescribeScalingActivities": [{"AutoScalingGroupName": "env-asg-59cfd8b7", "MaxRecords": 20}],
    }


def test_every_answer_becomes_a_fact(aws: Aws) -> None:
    facts = aws.facts(run=dataclasses.replace(RUN, memory_mib=9000))
    assert (facts.vcpus, facts.memory_mib, facts.is_spot, facts.is_local) == (2, 9000, False, False)
    assert (facts.queue.state, facts.queue.reason) == ("DISABLED", "healthy")  # type: ignore[union-attr]
    (environment,) = facts.environments  # type: ignore[misc]
    assert (environment.status, environment.reason) == ("INVALID", "CLIENT_ERROR - x")
    assert (environment.max_vcpus, environment.desired_vcpus) == (512, 6)
    assert facts.line == (
        QueuedJob(job_id="head", created_at_ms=3, waiting=1, running=0, reason="CAPACITY:x"),
        QueuedJob(job_id="array", created_at_ms=7, waiting=44, running=256),
    )
    assert facts.quota == Quota("L-1216C47A", 640)
    assert facts.vcpus_in_use == 18  # neither the Spot instance nor the other family
    reached = frozenset({"ecr.api"})
    assert facts.subnets == (Subnet("subnet-a", True, "igw-1", reached), Subnet("subnet-b", False, "", reached))
    assert facts.security_groups == (SecurityGroup("sg-1", True),)
    assert facts.image == Image(IMAGE, True)
    assert facts.instance_type == InstanceType("r5.large", 2, 16384)
    assert facts.has_log_group is True
    launches: Any = facts.launches
    assert [(round(launch.age_seconds / 60), launch.outcome, launch.message) for launch in launches] == [
        (5, "pending", ""),
        (9, "refused", KMS_DENIED),
        (20, "refused", FREE_TIER),
        (30, "launched", ""),
    ]
    assert {launch.environment for launch in launches} == {"env"}
    assert aws.facts().memory_mib == 15200


@pytest.mark.parametrize(
    ("configuration", "has_newer"),
    [
        ([{"imageType": "ECS_AL2023", "batchImageStatus": "UPDATE_AVAILABLE"}], True),
        ([{"imageType": "ECS_AL2023", "batchImageStatus": "LATEST"}], False),
        # As long as the environment has started no instance.
        ([{"imageType": "ECS_AL2023"}], False),
        (None, False),
    ],
)
def test_batch_says_whether_there_is_a_newer_image(aws: Aws, configuration: Any, has_newer: bool) -> None:
    resources = {**RESOURCES, **({"ec2Configuration": configuration} if configuration else {})}
    aws.answers["DescribeComputeEnvironments"] = {
        "computeEnvironments": [{**ENVIRONMENT, "computeResources": resources}]
    }
    (environment,) = aws.facts().environments  # type: ignore[misc]
    assert environment.has_newer_image is has_newer


def test_spot_has_a_quota_of_its_own(aws: Aws) -> None:
    assert aws.facts(spot=True).vcpus_in_use == 2
    assert aws.asked["GetServiceQuota"] == [{"ServiceCode": "ec2", "QuotaCode": "L-34B43A08"}]


def test_with_a_fallback_both_quotas_and_both_environments_are_looked_at(aws: Aws) -> None:
    order = [{"order": number, "computeEnvironment": arn} for number, arn in enumerate(("arn:spot", "arn:on-demand"))]
    aws.answers["DescribeJobQueues"] = {"jobQueues": [{**QUEUE, "computeEnvironmentOrder": order}]}
    aws.answers["GetServiceQuota"] = lambda asked: {
        "Quota": {"Value": {"L-34B43A08": 8, "L-1216C47A": 5}[asked["QuotaCode"]]}
    }
    facts = aws.facts(spot=True, spot_fallback=True)
    assert aws.asked["DescribeComputeEnvironments"] == [{"computeEnvironments": ["arn:spot", "arn:on-demand"]}]
    assert (facts.quota, facts.fallback_quota) == (Quota("L-34B43A08", 8), Quota("L-1216C47A", 5))
    assert aws.facts(spot_fallback=True).fallback_quota is None


@pytest.mark.parametrize("name", ["env-asg-1", "AWSBatch-env-asg-1"])
def test_batch_names_its_groups_after_the_environment(aws: Aws, name: str) -> None:
    # outerbounds/terraform-aws-metaflow#19; the prefix comes with Batch's service-linked role.
    others = [group(other) for other in ("env", "my-env-asg-1", "env-asg", "AWSBatch-env-b-asg-1")]
    aws.answers["DescribeAutoScalingGroups"] = {"AutoScalingGroups": [*others, group(name)]}
    aws.facts()
    assert [asked["AutoScalingGroupName"] for asked in aws.asked["DescribeScalingActivities"]] == [name]


FIELDS = {
    "DescribeJobQueues": ("batch:DescribeJobQueues", ["queue"]),
    "DescribeComputeEnvironments": (
        "batch:DescribeComputeEnvironments",
        ["environments", "subnets", "security_groups", "launches"],
    ),
    "ListJobs": ("batch:ListJobs", ["line"]),
    "DescribeJobs": ("batch:DescribeJobs", ["line"]),
    "DescribeInstanceTypes": ("ec2:DescribeInstanceTypes", ["instance_type"]),
    "DescribeLogGroups": ("logs:DescribeLogGroups", ["has_log_group"]),
    "GetServiceQuota": ("servicequotas:GetServiceQuota", ["quota"]),
    "DescribeInstances": ("ec2:DescribeInstances", ["vcpus_in_use"]),
    "DescribeImages": ("ecr:DescribeImages", ["image"]),
    "DescribeSubnets": ("ec2:DescribeSubnets", ["subnets"]),
    "DescribeRouteTables": ("ec2:DescribeRouteTables", ["subnets"]),
    "DescribeVpcEndpoints": ("ec2:DescribeVpcEndpoints", ["subnets"]),
    "DescribeSecurityGroups": ("ec2:DescribeSecurityGroups", ["security_groups"]),
    "DescribeAutoScalingGroups": ("autoscaling:DescribeAutoScalingGroups", ["launches"]),
    "DescribeScalingActivities": ("autoscaling:DescribeScalingActivities", ["launches"]),
}


@pytest.mark.parametrize("operation", FIELDS)
def test_what_is_not_permitted_is_hidden_and_nothing_else(aws: Aws, operation: str) -> None:
    code = "UnauthorizedOperation" if "ec2" in FIELDS[operation][0] else "AccessDeniedException"
    aws.refused[operation] = (403, code)
    facts = aws.facts()
    action, names = FIELDS[operation]
    assert facts.hidden == (NotVisible(action, "is not permitted"),)
    hidden = [one.name for one in dataclasses.fields(facts) if isinstance(getattr(facts, one.name), NotVisible)]
    assert sorted(hidden) == sorted(names)


@pytest.mark.parametrize("code", sorted(DENIED))
def test_every_code_of_a_refusal_means_not_permitted(aws: Aws, code: str) -> None:
    aws.refused["GetServiceQuota"] = (403, code)
    assert aws.facts().hidden == (NotVisible("servicequotas:GetServiceQuota", "is not permitted"),)


def test_a_call_that_fails_otherwise_is_hidden_with_its_reason(aws: Aws) -> None:
    aws.refused["GetServiceQuota"] = (400, "NoSuchResourceException")
    (hidden,) = aws.facts().hidden
    assert hidden.action == "servicequotas:GetServiceQuota"
    assert "NoSuchResourceException" in hidden.why


@pytest.mark.parametrize("code", ["ImageNotFoundException", "RepositoryNotFoundException"])
def test_an_image_that_is_not_there(aws: Aws, code: str) -> None:
    aws.refused["DescribeImages"] = (400, code)
    assert aws.facts().image == Image(IMAGE, False, has_repository=code == "ImageNotFoundException")


def test_images_by_digest_and_images_elsewhere(aws: Aws) -> None:
    pinned = f"123456789012.dkr.ecr.us-east-1.amazonaws.com/opsctl-m2g@sha256:{'a' * 64}"
    assert aws.facts(run=dataclasses.replace(RUN, image=pinned)).image == Image(
        pinned, True, digest=f"sha256:{'a' * 64}"
    )
    assert aws.asked["DescribeImages"][0]["imageIds"] == [{"imageDigest": f"sha256:{'a' * 64}"}]
    for foreign in ("neurodata/m2g:0.3.0", IMAGE.replace("us-east-1", "eu-west-1")):
        assert aws.facts(run=dataclasses.replace(RUN, image=foreign)).image == Image(foreign, None)
    assert len(aws.asked["DescribeImages"]) == 1


def test_a_nat_gateway_is_a_way_out_and_a_queue_that_is_gone_is_none(aws: Aws) -> None:
    table = {"VpcId": "vpc-1", "Associations": [{"Main": True}], "Routes": [route("nat-1", "NatGatewayId")]}
    aws.answers |= {"DescribeRouteTables": {"RouteTables": [table]}, "DescribeJobQueues": {"jobQueues": []}}
    facts = aws.facts()
    assert [one.way_out for one in facts.subnets] == ["nat-1", "nat-1"]  # type: ignore[union-attr]
    assert facts.queue is None


def test_a_log_group_of_a_longer_name_is_another(aws: Aws) -> None:
    aws.answers["DescribeLogGroups"] = {"logGroups": [{"logGroupName": "/opsctl/m2g-other"}]}
    assert aws.facts().has_log_group is False


def test_on_this_machine_nothing_is_asked_that_is_awss_alone(aws: Aws) -> None:
    facts = aws.facts(endpoint_url="http://127.0.0.1:1")
    assert (facts.is_local, facts.quota, facts.vcpus_in_use, facts.image) == (True, None, None, None)
    alone = {"GetServiceQuota", "DescribeInstances", "DescribeImages", "DescribeAutoScalingGroups"}
    assert (facts.launches, alone & aws.asked.keys()) == ((), set())
