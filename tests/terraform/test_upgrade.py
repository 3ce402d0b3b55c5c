"""This version's code with the previous release's states: nothing that holds data or runs scans is replaced."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from support.local_aws import REGION, Aws
from support.real_terraform import Terraform, copied_configuration

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

STATES = Path(__file__).parent / "upgrade"
COMMON = ["-input=false", "-var=name=tested", f"-var=region={REGION}", "-var=path_style=true"]
REPOSITORY_URL = f"123456789012.dkr.ecr.{REGION}.amazonaws.com/opsctl-tested"
VARIABLES = {
    "storage": COMMON,
    "platform": [
        *COMMON,
        f"-var=data_bucket=opsctl-tested-123456789012-{REGION}",
        f"-var=repository_arn=arn:aws:ecr:{REGION}:123456789012:repository/opsctl-tested",
        f"-var=repository_url={REPOSITORY_URL}",
        f"-var=image={REPOSITORY_URL}:0.1.0",
        "-var=opsctl_version=0.1.0",
    ],
}


@pytest.fixture(scope="module")
def upgrades(aws: Aws, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, list[str]]]:
    """What `up` would change in each root, and in a platform with a changed launch template."""
    with copied_configuration(tmp_path_factory.mktemp("upgrade"), settings=aws.settings) as terraform:
        for root in VARIABLES:
            shutil.copy(STATES / f"{root}.json", terraform.tree / root / "terraform.tfstate")
            terraform.init(root)
        changes_by_root = {root: changes(terraform, root) for root in VARIABLES}
        template = terraform.tree / "modules/batch/launch_template.tf"
        text = template.read_text()
        assert "http_put_response_hop_limit = 1" in text
        template.write_text(text.replace("http_put_response_hop_limit = 1", "http_put_response_hop_limit = 2"))
        return {**changes_by_root, "changed template": changes(terraform, "platform")}


def changes(terraform: Terraform, root: str) -> dict[str, list[str]]:
    """Return the actions that an `up` would take, by address.

    There is no refresh, because the server has none of the resources: only code and state are compared.
    """
    terraform.run(root, "plan", "-refresh=false", "-out=upgrade.tfplan", *VARIABLES[root])
    plan = json.loads(terraform.run(root, "show", "-json", "upgrade.tfplan").stdout)
    return {
        resource["address"]: resource["change"]["actions"]
        for resource in plan["resource_changes"]
        if resource["mode"] == "managed" and resource["change"]["actions"] != ["no-op"]
    }


@pytest.mark.parametrize(
    ("root", "types"),
    [
        ("storage", {"aws_s3_bucket", "aws_ecr_repository"}),
        ("platform", {"aws_batch_compute_environment", "aws_batch_job_queue", "aws_launch_template", "aws_subnet"}),
    ],
)
def test_the_state_is_complete(root: str, types: set[str]) -> None:
    state = json.loads((STATES / f"{root}.json").read_text())
    assert types <= {resource["type"] for resource in state["resources"]}


@pytest.mark.parametrize("root", VARIABLES)
def test_an_upgrade_replaces_nothing(upgrades: dict[str, dict[str, list[str]]], root: str) -> None:
    assert {address: actions for address, actions in upgrades[root].items() if "delete" in actions} == {}


def test_an_upgrade_leaves_environments_template_and_network_alone(upgrades: dict[str, dict[str, list[str]]]) -> None:
    assert not {
        "module.batch.aws_batch_compute_environment.model",
        "module.batch.aws_launch_template.jobs",
        "module.iam.aws_iam_role_policy_attachment.service",
        "module.iam.aws_iam_role_policy_attachment.instance",
        "module.vpc.aws_subnet.public",
        "module.vpc.aws_vpc.main",
    } & {address.replace("module.vpc[0]", "module.vpc").partition("[")[0] for address in upgrades["platform"]}


def test_a_network_of_an_existing_vpc_is_made_only_when_asked_for(upgrades: dict[str, dict[str, list[str]]]) -> None:
    # The platform's own network has moved to module.vpc[0], and keeps its resources.
    assert not [
        address for address in upgrades["platform"] if address.startswith(("module.vpc", "module.existing_vpc"))
    ]


def test_a_changed_launch_template_would_be_noticed(upgrades: dict[str, dict[str, list[str]]]) -> None:
    # The tests above must be able to fail: this change would end running scans.
    for model in ("csd", "csa"):
        address = f'module.batch.aws_batch_compute_environment.model["{model}"]'
        assert upgrades["changed template"][address] == ["create", "delete"]
