"""What `down` removes without Terraform of a platform in an institute's network, with its names and its boundary."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from moto import mock_aws

from opsctl.aws.clients import Clients
from opsctl.aws.platform.delete_steps import DeleteSteps
from opsctl.aws.platform.inventory import Inventory
from opsctl.aws.platform.removal import Removal
from opsctl.core.platform.inventory import TAG, ResourceKind

REGION = "us-east-1"
OURS = [{"Key": TAG, "Value": "m2g"}]
STATEMENT = {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "*"}
DOCUMENT = json.dumps({"Version": "2012-10-17", "Statement": [STATEMENT]})


@pytest.fixture
def clients(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clients]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    with mock_aws():
        yield Clients(region=REGION)


def make_role(clients: Clients, kind: str, **more: Any) -> str:
    name = f"lab-opsctl-m2g-{REGION}-{kind}"
    reply = clients.iam.create_role(RoleName=name, Path="/lab/", AssumeRolePolicyDocument=DOCUMENT, **more)
    return reply["Role"]["Arn"]


def test_of_an_existing_vpc_only_the_platforms_group_is_found_and_removed(clients: Clients) -> None:
    ec2 = clients.ec2
    vpc = ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    ec2.create_subnet(VpcId=vpc, CidrBlock="10.1.1.0/24")
    theirs = ec2.create_security_group(GroupName="theirs", Description="d", VpcId=vpc)["GroupId"]
    ours = ec2.create_security_group(GroupName="lab-opsctl-m2g-jobs-1", Description="d", VpcId=vpc)["GroupId"]
    ec2.create_tags(Resources=[ours], Tags=OURS)
    found = Inventory(clients).of("m2g")
    assert [(resource.kind, resource.id, resource.is_tagged) for resource in found] == [
        (ResourceKind.SECURITY_GROUP, ours, True)
    ]
    assert Removal(clients, "m2g", sleep=lambda _: None).remove(found) == ()
    groups = ec2.describe_security_groups(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["SecurityGroups"]
    assert {group["GroupId"] for group in groups} >= {theirs}
    assert ours not in {group["GroupId"] for group in groups}


def test_roles_below_a_path_with_a_prefix_are_found_by_their_tag(clients: Clients) -> None:
    make_role(clients, "job", Tags=OURS)
    make_role(clients, "instance")
    assert [resource.name for resource in Inventory(clients).of("m2g")] == [f"lab-opsctl-m2g-{REGION}-job"]
    assert not Inventory(clients).is_empty()


def test_the_service_role_is_created_again_with_its_path_and_boundary(clients: Clients) -> None:
    boundary = clients.iam.create_policy(PolicyName="Boundary", PolicyDocument=DOCUMENT)["Policy"]["Arn"]
    make_role(clients, "job", Tags=OURS, PermissionsBoundary=boundary)
    service = make_role(clients, "service")
    clients.iam.delete_role(RoleName=service.rpartition("/")[2])
    steps = DeleteSteps(clients, "m2g")
    # moto does not have AWS's managed policies unless it is told to.
    clients.iam.meta.events.register("before-call.iam.AttachRolePolicy", lambda **_: _empty_reply())
    steps._recreate_role(service)
    role = clients.iam.get_role(RoleName=service.rpartition("/")[2])["Role"]
    assert role["Arn"] == service
    assert role["PermissionsBoundary"]["PermissionsBoundaryArn"] == boundary
    assert [resource.arn for resource in steps.recreated_roles] == [service]


def _empty_reply() -> Any:
    return AWSResponse("https://x", 200, {}, None), {"ResponseMetadata": {"HTTPStatusCode": 200}}
