"""Sentences for changes by hand, from plans of the real Terraform. Only resources that are created fast."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import pytest
from shared_world import ACCOUNT, REGION, Server
from support.repository import ROOT
from support.running_provider import RunningProviders

from opsctl.core.platform.drift_sentences import drift_sentences
from opsctl.core.platform.options import PlatformOptions
from opsctl.local import control
from opsctl.terraform.provider import find_mirror

# `test_drift.py` has the sentences for recorded plans; this is what shows that Terraform's plans are still like those.
pytestmark = [pytest.mark.campaign, pytest.mark.timeout(1200)]

T = TypeVar("T")

SOURCE = ROOT / "terraform"
OPTIONS = PlatformOptions(name="seen", region=REGION, account_id=ACCOUNT, version="0.1.0")
ROLE = f"opsctl-seen-{REGION}-job"
BUCKET = OPTIONS.bucket
#: Quickly made, and of every kind that a person finds in the console: settings, rules, policies, tags.
TARGETS = {
    "storage": ("aws_s3_bucket_versioning.data", "aws_s3_bucket_public_access_block.data"),
    "platform": (
        "module.iam.aws_iam_role_policy.job",
        "module.batch.aws_cloudwatch_log_group.jobs",
        "module.vpc[0].aws_security_group.jobs",
    ),
}


class Applied:
    """Both roots on a server of their own."""

    def __init__(self, folder: Path, server: Server) -> None:
        shutil.copytree(SOURCE, folder / "terraform", ignore=shutil.ignore_patterns(".terraform", "*.tfstate*"))
        self.folder = folder / "terraform"
        self.server, self.providers = server, RunningProviders()
        variables = {"storage": OPTIONS.storage_variables(), "platform": OPTIONS.platform_variables()}
        mirror = find_mirror(os.environ)
        for root, values in variables.items():
            (self.folder / root / "terraform.tfvars.json").write_text(json.dumps(values))

        def begin(root: str) -> None:
            self.run(root, "init", *([f"-plugin-dir={mirror}"] if mirror else []))
            self.apply(root)

        self.in_both(begin)

    def in_both(self, function: Callable[[str], T]) -> list[T]:
        """Call a function for both roots at the same time, as opsctl does."""
        with ThreadPoolExecutor(2) as executor:
            return list(executor.map(function, TARGETS))

    def run(self, root: str, *arguments: str) -> str:
        environment = self.server.environment
        if arguments[0] != "init":
            environment |= self.providers.variables(self.folder / root / ".terraform", environment)
        result = subprocess.run(
            ["terraform", *arguments],
            cwd=self.folder / root,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    def apply(self, root: str) -> None:
        self.run(root, "apply", "-input=false", "-auto-approve", *self._targets(root))

    def sentences(self, root: str) -> tuple[str, ...]:
        self.run(root, "plan", "-input=false", "-out=plan", *self._targets(root))
        return drift_sentences(json.loads(self.run(root, "show", "-json", "plan")))

    def _targets(self, root: str) -> list[str]:
        return [f"-target={target}" for target in TARGETS[root]]


@pytest.fixture(scope="module")
def applied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Applied]:
    home = tmp_path_factory.mktemp("aws")
    running = control.start(home)
    try:
        applied = Applied(tmp_path_factory.mktemp("applied"), Server(running.endpoint_url, home))
        yield applied
        applied.providers.close()
    finally:
        control.stop(running)


def test_nothing_was_changed_by_hand(applied: Applied) -> None:
    """The first refresh after an apply notes many differences that nobody made."""
    assert applied.in_both(applied.sentences) == [(), ()]


def test_what_was_changed_by_hand_is_told_and_an_apply_mends_it(applied: Applied) -> None:
    change(applied.server)
    storage, platform = applied.in_both(applied.sentences)
    assert set(storage) == {
        "versioning of the data bucket is suspended",
        "the data bucket's public access is not blocked any more",
    }
    assert set(platform) == {
        "the log group keeps lines for ever instead of 30 days",
        "the security group lets port 22 in from 0.0.0.0/0",
        "the tag opsctl:platform of the network is other instead of seen",
        f"the policy data of the role {ROLE} was changed by hand",
        f"the role {ROLE} has the tag owner (bob), which is not opsctl's",
    }
    applied.in_both(applied.apply)
    assert applied.in_both(applied.sentences) == [(), ()]


def change(server: Server) -> None:
    s3, ec2, iam = (server.client(service) for service in ("s3", "ec2", "iam"))
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Suspended"})
    s3.delete_public_access_block(Bucket=BUCKET)
    server.client("logs").delete_retention_policy(logGroupName="/opsctl/seen")
    group: dict[str, Any] = ec2.describe_security_groups(
        Filters=[{"Name": "tag:Name", "Values": ["opsctl-seen-jobs"]}]
    )["SecurityGroups"][0]
    ec2.authorize_security_group_ingress(
        GroupId=group["GroupId"],
        IpPermissions=[{"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}],
    )
    ec2.create_tags(Resources=[group["VpcId"]], Tags=[{"Key": "opsctl:platform", "Value": "other"}])
    everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
    (policy,) = iam.list_role_policies(RoleName=ROLE)["PolicyNames"]
    iam.put_role_policy(RoleName=ROLE, PolicyName=policy, PolicyDocument=json.dumps(everything))
    iam.tag_role(RoleName=ROLE, Tags=[{"Key": "owner", "Value": "bob"}])
