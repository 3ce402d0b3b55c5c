"""What is left of a platform, asked service by service; the platforms beside it are not meant."""

from __future__ import annotations

from collections.abc import Iterator

import boto3
import pytest
from moto import mock_aws

from opsctl.aws.clients import Clients
from opsctl.aws.inventory import Inventory

TRUST = '{"Version": "2012-10-17", "Statement": []}'


@pytest.fixture
def clients(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clients]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    # Hundreds of images that nobody asks for cost seconds.
    monkeypatch.setenv("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")
    with mock_aws():
        yield Clients(region="us-east-1")


def make(name: str) -> None:
    """A platform's leftovers, without the queues and environments: the tests of Terraform make those."""
    region = {"region_name": "us-east-1"}
    boto3.client("iam", **region).create_role(RoleName=f"opsctl-{name}-us-east-1-job", AssumeRolePolicyDocument=TRUST)
    boto3.client("iam", **region).create_instance_profile(InstanceProfileName=f"opsctl-{name}-us-east-1-instance")
    boto3.client("logs", **region).create_log_group(logGroupName=f"/opsctl/{name}")
    boto3.client("ssm", **region).put_parameter(Name=f"/opsctl/{name}/platform", Value="{}", Type="String")
    tags = [{"ResourceType": "vpc", "Tags": [{"Key": "opsctl:platform", "Value": name}]}]
    boto3.client("ec2", **region).create_vpc(CidrBlock="10.0.0.0/16", TagSpecifications=tags)
    boto3.client("ec2", **region).create_launch_template(
        LaunchTemplateName=f"opsctl-{name}-jobs",
        LaunchTemplateData={"InstanceType": "r5.large"},
        TagSpecifications=[{**tags[0], "ResourceType": "launch-template"}],
    )
    boto3.client("batch", **region).register_job_definition(
        jobDefinitionName=f"opsctl-{name}-csa",
        type="container",
        containerProperties={"image": "i", "vcpus": 1, "memory": 128},
        tags={"opsctl:platform": name},
    )


def test_everything_of_the_platform_is_named_and_nothing_else(clients: Clients) -> None:
    make("m2g")
    # A name that begins alike, and what the storage root keeps.
    make("m2g2")
    make("m2g-x")
    clients.s3.create_bucket(Bucket="opsctl-m2g-123456789012-us-east-1")
    boto3.client("ecr", region_name="us-east-1").create_repository(repositoryName="opsctl-m2g")
    found = list(Inventory(clients).of("m2g"))
    kinds = [word.rsplit(" ", 1)[0] for word in found]
    assert sorted(kinds) == [
        "VPC",
        "instance profile",
        "job definition",
        "launch template",
        "log group",
        "parameter",
        "role",
    ]
    assert "role opsctl-m2g-us-east-1-job" in found
    assert "log group /opsctl/m2g" in found
    assert not [word for word in found if "m2g2" in word or "m2g-x" in word]
    assert list(Inventory(clients).of("other")) == []
