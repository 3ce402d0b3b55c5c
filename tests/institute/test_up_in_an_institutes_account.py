"""One platform in an institute's network, with its key, its names and its boundary: made, looked at, taken down."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from support.institute_account import REGION, Account, Said

from opsctl.local import control

pytestmark = [pytest.mark.long, pytest.mark.timeout(1800)]


@dataclass
class Observations:
    """What was typed and seen, in this order."""

    account: Account
    refused: Said
    network: dict[str, Any]
    up: Said
    again: Said
    other_path: Said
    other_prefix: Said
    described: dict[str, Any]
    down: Said
    network_after_down: dict[str, Any]
    own_groups_after_down: list[Any]
    roles_after_down: list[str]
    after_down: Said


def describe(account: Account) -> dict[str, Any]:
    """The platform as AWS describes it."""
    batch, ec2, iam = account.client("batch"), account.client("ec2"), account.client("iam")
    record = json.loads(account.client("ssm").get_parameter(Name="/opsctl/local/platform")["Parameter"]["Value"])
    environments = batch.describe_compute_environments()["computeEnvironments"]
    (version,) = ec2.describe_launch_template_versions(LaunchTemplateName="lab-opsctl-local-jobs")[
        "LaunchTemplateVersions"
    ]
    roles = [f"lab-opsctl-local-{REGION}-{kind}" for kind in ("service", "instance", "job")]
    groups = account.client("logs").describe_log_groups(logGroupNamePrefix="/opsctl/local")["logGroups"]
    return {
        "record": record,
        "environments": environments,
        "own_groups": account.own_groups(),
        "roles": [iam.get_role(RoleName=role)["Role"] for role in roles],
        "job_policy": iam.get_role_policy(RoleName=roles[2], PolicyName="data")["PolicyDocument"],
        "encryption": account.client("s3").get_bucket_encryption(Bucket=record["data_bucket"]),
        "repository": account.client("ecr").describe_repositories(repositoryNames=["lab-opsctl-local"])["repositories"][
            0
        ],
        "disk": version["LaunchTemplateData"]["BlockDeviceMappings"][0]["Ebs"],
        "log_group": groups[0],
        "own_vpcs": ec2.describe_vpcs(Filters=[{"Name": "tag-key", "Values": ["opsctl:platform"]}])["Vpcs"],
    }


@pytest.fixture(scope="module")
def observed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Observations]:
    home = tmp_path_factory.mktemp("home")
    server = control.start(home)
    try:
        account = Account(home, tmp_path_factory.mktemp("elsewhere"), server)
        yield observe(account)
    finally:
        control.stop(home)


def observe(account: Account) -> Observations:
    network = account.network()
    refused = account.type("up", "--local", "--plan", "--vpc-id", account.vpc, "--subnet-id", account.bare_subnet)
    subnets = [word for subnet in account.subnets for word in ("--subnet-id", subnet)]
    up = account.type(
        *("up", "--local", "--yes", "--vpc-id", account.vpc, *subnets, "--kms-key", "alias/institute"),
        *("--name-prefix", "lab-", "--role-path", "/lab/", "--permissions-boundary", account.boundary),
        *("--tag", "CostCenter=4711"),
    )
    assert up.code == 0, up.out + up.err
    described = describe(account)
    again = account.type("up", "--local", "--plan")
    other_path = account.type("up", "--local", "--plan", "--role-path", "/other/")
    other_prefix = account.type("up", "--local", "--plan", "--name-prefix", "default")
    down = account.type("down", "--local", "--yes")
    return Observations(
        account=account,
        refused=refused,
        network=network,
        up=up,
        again=again,
        other_path=other_path,
        other_prefix=other_prefix,
        described=described,
        down=down,
        network_after_down=account.network(),
        own_groups_after_down=account.own_groups(),
        roles_after_down=[role["RoleName"] for role in account.client("iam").list_roles(PathPrefix="/lab/")["Roles"]],
        after_down=account.type("up", "--local", "--plan"),
    )


def test_a_subnet_that_leads_nowhere_is_refused_before_anything_is_planned(observed: Observations) -> None:
    assert observed.refused.code == 1
    assert f"No job could start in {observed.account.vpc}" in observed.refused.err
    assert f"route table leads to no endpoint com.amazonaws.{REGION}.s3" in " ".join(observed.refused.err.split())


def test_instances_start_in_the_institutes_subnets_with_the_platforms_own_group(observed: Observations) -> None:
    (group,) = observed.described["own_groups"]
    for environment in observed.described["environments"]:
        resources = environment["computeResources"]
        assert sorted(resources["subnets"]) == sorted(observed.account.subnets)
        assert resources["securityGroupIds"] == [group["GroupId"]]
    assert group["IpPermissions"] == []
    assert observed.described["own_vpcs"] == []


def test_roles_have_the_path_and_the_boundary_and_every_name_the_prefix(observed: Observations) -> None:
    for role in observed.described["roles"]:
        assert role["Path"] == "/lab/"
        assert role["PermissionsBoundary"]["PermissionsBoundaryArn"] == observed.account.boundary
        assert {"Key": "CostCenter", "Value": "4711"} in role["Tags"]
    names = [environment["computeEnvironmentName"] for environment in observed.described["environments"]]
    assert all(name.startswith("lab-opsctl-local-") for name in names)
    assert observed.described["record"]["data_bucket"] == f"lab-opsctl-local-123456789012-{REGION}"


def test_bucket_repository_disks_and_logs_have_the_key(observed: Observations) -> None:
    described, key = observed.described, observed.account.key
    (rule,) = described["encryption"]["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
    assert described["repository"]["encryptionConfiguration"] == {"encryptionType": "KMS", "kmsKey": key}
    assert described["disk"]["KmsKeyId"] == key
    assert described["log_group"]["kmsKeyId"] == key
    (statement,) = [entry for entry in described["job_policy"]["Statement"] if entry["Sid"] == "UseTheKeyThroughS3"]
    assert (statement["Resource"], sorted(statement["Action"])) == (key, ["kms:Decrypt", "kms:GenerateDataKey"])


def test_what_the_keys_policy_lacks_is_said(observed: Observations) -> None:
    said = " ".join((observed.up.out + observed.up.err).split())
    assert f"does not name logs.{REGION}.amazonaws.com" in said
    assert "does not name AWSServiceRoleForAutoScaling" in said


def test_the_options_are_remembered(observed: Observations) -> None:
    assert observed.again.code == 0, observed.again.out + observed.again.err
    said = " ".join((observed.again.out + observed.again.err).split())
    assert f"--vpc-id {observed.account.vpc}" in said
    assert f"--kms-key {observed.account.key}" in said
    assert "--tag CostCenter=4711" in said
    assert "nothing to do" in said


def test_what_cannot_be_renamed_is_refused(observed: Observations) -> None:
    assert (observed.other_path.code, observed.other_prefix.code) == (2, 2)
    assert "IAM cannot move a role" in " ".join(observed.other_path.err.split())
    assert "AWS cannot rename a bucket" in " ".join(observed.other_prefix.err.split())


def test_down_leaves_the_institutes_network_as_it_was(observed: Observations) -> None:
    assert observed.down.code == 0, observed.down.out + observed.down.err
    assert observed.network_after_down == observed.network
    assert observed.own_groups_after_down == []
    assert observed.roles_after_down == []


def test_after_down_the_storage_keeps_its_names_and_its_key(observed: Observations) -> None:
    said = " ".join((observed.after_down.out + observed.after_down.err).split())
    assert "--name-prefix lab-" in said
    assert f"--kms-key {observed.account.key}" in said
    assert observed.after_down.code == 2, said
    # The platform is made again, and nothing of the storage changes.
    assert "to create" in said
    assert not re.search(r"storage \d", said)
    assert not any(words in said for words in ("to change", "to replace", "to remove"))
