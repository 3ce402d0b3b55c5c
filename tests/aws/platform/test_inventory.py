"""What is left of a platform, asked service by service; the platforms beside it are not meant."""

from __future__ import annotations

from collections.abc import Iterator

import boto3
import pytest
from moto import mock_aws

from opsctl.aws.clients import Clients
from opsctl.aws.platform.existing_storage import existing_storage
from opsctl.aws.platform.inventory import Inventory
from opsctl.core.platform.inventory import ResourceKind

TRUST = '{"Version": "2012-10-17", "Statement": []}'


@pytest.fixture
def clients(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clients]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with mock_aws():
        yield Clients(region="us-east-1")


def make(name: str) -> None:
    """A platform's leftovers, without the queues and environments: the tests of the removal make those."""
    region = {"region_name": "us-east-1"}
    listed = [{"Key": "opsctl:platform", "Value": name}]
    iam = boto3.client("iam", **region)
    iam.create_role(RoleName=f"opsctl-{name}-us-east-1-job", AssumeRolePolicyDocument=TRUST, Tags=listed)
    iam.create_instance_profile(InstanceProfileName=f"opsctl-{name}-us-east-1-instance", Tags=listed)
    boto3.client("logs", **region).create_log_group(logGroupName=f"/opsctl/{name}")
    boto3.client("ssm", **region).put_parameter(Name=f"/opsctl/{name}/platform", Value="{}", Type="String")
    tags = [{"ResourceType": "vpc", "Tags": listed}]
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
    # Names that begin alike, one that looks like a role's, and what the storage root keeps.
    for neighbour in ("m2g2", "m2g-x", "m2g-us-east-1"):
        make(neighbour)
    clients.s3.create_bucket(Bucket="opsctl-m2g-123456789012-us-east-1")
    boto3.client("ecr", region_name="us-east-1").create_repository(repositoryName="opsctl-m2g")
    boto3.client("iam").create_role(RoleName="opsctl-m2g-us-east-1-operator", AssumeRolePolicyDocument=TRUST)
    found = Inventory(clients).of("m2g")
    assert [(one.kind, one.name or one.id) for one in found if one.kind != ResourceKind.VPC and one.is_tagged] == [
        (ResourceKind.DEFINITION, "opsctl-m2g-csa:1"),
        (ResourceKind.TEMPLATE, "opsctl-m2g-jobs"),
        (ResourceKind.PROFILE, "opsctl-m2g-us-east-1-instance"),
        (ResourceKind.ROLE, "opsctl-m2g-us-east-1-job"),
        (ResourceKind.LOG_GROUP, "/opsctl/m2g"),
        (ResourceKind.RECORD, "/opsctl/m2g/platform"),
    ]
    assert len([one for one in found if one.kind == ResourceKind.VPC]) == 1
    # Somebody's own role: shown, and not ours.
    assert [one.name for one in found if not one.is_tagged] == ["opsctl-m2g-us-east-1-operator"]
    assert Inventory(clients).of("other") == ()


def test_the_storage_that_is_there_is_found_and_only_the_accounts_own(clients: Clients) -> None:
    names = {"bucket": "opsctl-m2g-123456789012-us-east-1", "repository": "opsctl-m2g"}
    assert existing_storage(clients, **names, account_id="123456789012") == {}
    clients.s3.create_bucket(Bucket=names["bucket"])
    clients.ecr.create_repository(repositoryName=names["repository"])
    both = {"aws_s3_bucket.data[0]": names["bucket"], "aws_ecr_repository.jobs": names["repository"]}
    assert existing_storage(clients, **names, account_id="123456789012") == both
    own = existing_storage(clients, bucket=None, repository=names["repository"], account_id="123456789012")
    assert own == {"aws_ecr_repository.jobs": names["repository"]}
