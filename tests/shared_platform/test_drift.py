"""What counts as a change by hand, and the sentence for each."""

from __future__ import annotations

import re
from typing import Any

import pytest
from drift_plans import changes_by_hand
from support.repository import ROOT

from opsctl.core.platform.drift_sentences import drift_sentences

RULE = {
    "protocol": "tcp", "from_port": 22, "to_port": 22, "cidr_blocks": ["0.0.0.0/0"], "ipv6_cidr_blocks": [],
    "prefix_list_ids": [], "security_groups": [], "self": False, "description": "me",
}  # fmt: skip
HTTPS = {**RULE, "from_port": 443, "to_port": 443}
INSIDE = {**RULE, "protocol": "-1", "from_port": 0, "to_port": 0, "cidr_blocks": [], "self": True}
WAY_OUT = {"cidr_block": "0.0.0.0/0", "ipv6_cidr_block": "", "gateway_id": "igw-1"}
ROLE = "opsctl-m2g-us-east-1-job"
BLOCKED = {"block_public_acls": True, "block_public_policy": True}


@pytest.mark.parametrize(
    ("resource", "was", "now", "sentence"),
    [
        (
            "aws_batch_job_queue.model.csd",
            {"state": "ENABLED"},
            {"state": "DISABLED"},
            "the csd queue was disabled by hand",
        ),
        (
            "aws_batch_job_queue.model.csd",
            {"priority": 1},
            {"priority": 5},
            "the priority of the csd queue is 5 instead of 1",
        ),
        ("aws_batch_job_queue.model.csd", {"name": "q"}, None, "the csd queue is gone"),
        (
            "aws_batch_compute_environment.model.csa",
            {"compute_resources": [{"max_vcpus": 1024, "type": "EC2"}]},
            {"compute_resources": [{"max_vcpus": 512, "type": "EC2"}]},
            "the csa environment's most vCPUs are 512 instead of 1024",
        ),
        (
            "aws_batch_compute_environment.model.csa",
            {"state": "ENABLED"},
            {"state": "DISABLED"},
            "the csa environment was disabled by hand",
        ),
        ("aws_batch_compute_environment.model.csd", {"state": "ENABLED"}, None, "the csd environment is gone"),
        ("aws_batch_job_definition.model.csd", {"name": "d"}, None, "the job definition csd was deregistered"),
        (
            "aws_launch_template.jobs",
            {"user_data": "YQ=="},
            {"user_data": "Yg=="},
            "the instances' launch template was changed by hand",
        ),
        ("aws_launch_template.jobs", {"name": "t"}, None, "the instances' launch template is gone"),
        (
            "aws_cloudwatch_log_group.jobs",
            {"retention_in_days": 30},
            {"retention_in_days": 0},
            "the log group keeps lines for ever instead of 30 days",
        ),
        (
            "aws_cloudwatch_log_group.jobs",
            {"retention_in_days": 30},
            {"retention_in_days": 7},
            "the log group keeps lines for 7 days instead of 30 days",
        ),
        ("aws_cloudwatch_log_group.jobs", {"name": "/opsctl/m2g"}, None, "the log group is gone"),
        ("aws_iam_role.job", {"name": ROLE}, None, f"the role {ROLE} is gone"),
        (
            "aws_iam_role.job",
            {"name": ROLE, "assume_role_policy": "{a}"},
            {"name": ROLE, "assume_role_policy": "{b}"},
            f"who may take the role {ROLE} was changed by hand",
        ),
        (
            "aws_iam_role_policy.job",
            {"name": "data", "role": ROLE, "policy": "{a}"},
            {"name": "data", "role": ROLE, "policy": "{b}"},
            f"the policy data of the role {ROLE} was changed by hand",
        ),
        (
            "aws_iam_role_policy.job",
            {"name": "data", "role": ROLE},
            None,
            f"the policy data of the role {ROLE} is gone",
        ),
        (
            "aws_iam_role_policy_attachment.s",
            {"role": ROLE, "policy_arn": "arn:aws:iam::aws:policy/service-role/AWSBatchServiceRole"},
            None,
            f"the policy AWSBatchServiceRole of the role {ROLE} was detached",
        ),
        ("aws_iam_instance_profile.instance", {"name": "p"}, None, "the instance profile p is gone"),
        (
            "aws_ssm_parameter.record",
            {"name": "/opsctl/m2g/platform"},
            None,
            "the platform's record /opsctl/m2g/platform is gone",
        ),
        (
            "aws_vpc.main",
            {"enable_dns_support": True},
            {"enable_dns_support": False},
            "the network finds no names any more (DNS is off)",
        ),
        ("aws_vpc.main", {"id": "vpc-1"}, None, "the network is gone"),
        (
            "aws_subnet.public.us-east-1a",
            {"map_public_ip_on_launch": True},
            {"map_public_ip_on_launch": False},
            "the subnet us-east-1a gives its instances no public address any more",
        ),
        ("aws_internet_gateway.main", {"id": "igw-1"}, None, "the internet gateway is gone"),
        (
            "aws_route_table.public",
            {"route": [WAY_OUT]},
            {"route": []},
            "the route table has lost its way to 0.0.0.0/0",
        ),
        (
            "aws_route_table_association.public.us-east-1a",
            {"id": "a"},
            None,
            "the route of the subnet us-east-1a is gone",
        ),
        ("aws_vpc_endpoint.s3", {"id": "e"}, None, "the network's S3 endpoint is gone"),
        (
            "aws_security_group.jobs",
            {"ingress": []},
            {"ingress": [RULE]},
            "the security group lets port 22 in from 0.0.0.0/0",
        ),
        (
            "aws_security_group.jobs",
            {"egress": [HTTPS]},
            {"egress": []},
            "the security group does not let port 443 out to 0.0.0.0/0 any more",
        ),
        (
            "aws_default_security_group.unused",
            {"ingress": []},
            {"ingress": [INSIDE]},
            "the network's default security group lets everything in from itself",
        ),
        ("aws_s3_bucket.data", {"bucket": "b"}, None, "the data bucket is gone"),
        (
            "aws_s3_bucket_versioning.data",
            {"versioning_configuration": [{"status": "Enabled"}]},
            {"versioning_configuration": [{"status": "Suspended"}]},
            "versioning of the data bucket is suspended",
        ),
        (
            "aws_s3_bucket_public_access_block.data",
            BLOCKED,
            {**BLOCKED, "block_public_acls": False},
            "the data bucket's public access is not wholly blocked any more",
        ),
        (
            "aws_s3_bucket_public_access_block.data",
            BLOCKED,
            None,
            "the data bucket's public access is not blocked any more",
        ),
        (
            "aws_s3_bucket_ownership_controls.data",
            {"rule": [{"object_ownership": "BucketOwnerEnforced"}]},
            {"rule": [{"object_ownership": "ObjectWriter"}]},
            "the data bucket lets ACLs in again",
        ),
        (
            "aws_s3_bucket_server_side_encryption_configuration.data",
            {"rule": [{"x": [{"sse_algorithm": "AES256"}]}]},
            {"rule": [{"x": [{"sse_algorithm": "aws:kms"}]}]},
            "the data bucket's encryption was changed by hand",
        ),
        ("aws_s3_bucket_policy.data", {"policy": "{a}"}, None, "the data bucket's policy (TLS only) is gone"),
        (
            "aws_s3_bucket_lifecycle_configuration.data",
            {"rule": [{"status": "Enabled"}]},
            {"rule": [{"status": "Disabled"}]},
            "the data bucket's lifecycle was changed by hand",
        ),
        (
            "aws_ecr_repository.jobs",
            {"image_tag_mutability": "IMMUTABLE"},
            {"image_tag_mutability": "MUTABLE"},
            "the image repository lets a tag move to another image",
        ),
        (
            "aws_vpc.main",
            {"tags_all": {"lab": "a"}},
            {"tags_all": {"lab": "b"}},
            "the tag lab of the network is b instead of a",
        ),
        ("aws_vpc.main", {"tags_all": {"lab": "a"}}, {"tags_all": {}}, "the network has lost the tag lab"),
        (
            "aws_iam_role.job",
            {"name": ROLE, "tags_all": {}},
            {"name": ROLE, "tags_all": {"owner": "bob"}},
            f"the role {ROLE} has the tag owner (bob), which is not opsctl's",
        ),
        # What nobody thought of.
        (
            "aws_sqs_queue.new",
            {"name": "jobs", "delay_seconds": 0},
            {"name": "jobs", "delay_seconds": 9},
            "the delay seconds of the sqs queue jobs is 9 instead of 0",
        ),
        (
            "aws_sqs_queue.new",
            {"name": "jobs", "policy": "{long}"},
            {"name": "jobs", "policy": "{other}"},
            "the policy of the sqs queue jobs was changed by hand",
        ),
        ("aws_sqs_queue.new", {"name": "jobs"}, None, "the sqs queue jobs is gone"),
    ],
)
def test_a_change_by_hand_in_words(
    resource: str, was: dict[str, Any], now: dict[str, Any] | None, sentence: str
) -> None:
    kind, name, *key = resource.split(".")
    assert drift_sentences(changes_by_hand(kind, name, key=key[0] if key else "", was=was, now=now)) == (sentence,)


def test_every_type_of_resource_that_the_roots_make_has_a_name_of_its_own() -> None:
    """What falls back on Terraform's word for it is no plain English."""
    from opsctl.core.platform.drift_sentences import _SUBJECTS

    source = ROOT / "terraform"
    resource_types = {
        kind for file in source.rglob("*.tf") for kind in re.findall(r'^resource "(\w+)"', file.read_text(), re.M)
    }
    assert resource_types
    assert sorted(resource_types - set(_SUBJECTS)) == []


# What is none.

QUEUE = ("aws_batch_job_queue", "model")


@pytest.mark.parametrize(
    "plan",
    [
        pytest.param({}, id="nothing"),
        pytest.param(
            changes_by_hand(*QUEUE, was={"state": "ENABLED"}, now={"state": "DISABLED"}, actions=("no-op",)),
            id="not mended",
        ),
        pytest.param(
            changes_by_hand(*QUEUE, was={"desired": 0}, now={"desired": 8}, wanted={"desired": 8}),
            id="ignored by the code",
        ),
        pytest.param(
            changes_by_hand(*QUEUE, was={"revision": 1}, now={"revision": 2}, wanted={}, unknown={"revision": True}),
            id="chosen by AWS",
        ),
        pytest.param(changes_by_hand(*QUEUE, was={"tags": None}, now={"tags": {}}), id="empty is none"),
        pytest.param(changes_by_hand(*QUEUE, was={"x": []}, now={"x": None}), id="none is empty"),
        pytest.param(
            changes_by_hand(*QUEUE, was={"name": "q"}, now=None, actions=("no-op",)), id="gone and not wanted"
        ),
        pytest.param(
            changes_by_hand(*QUEUE, was={"state": "ENABLED"}, now={"state": "ENABLED"}, wanted={"state": "DISABLED"}),
            id="by option, not by hand",
        ),
    ],
)
def test_what_terraform_only_noted_is_no_change_by_hand(plan: dict[str, Any]) -> None:
    assert drift_sentences(plan) == ()


def test_an_option_beside_a_change_by_hand_is_not_taken_for_one() -> None:
    plan = changes_by_hand(
        *QUEUE,
        key="csd",
        was={"state": "ENABLED", "priority": 1},
        now={"state": "DISABLED", "priority": 1},
        wanted={"state": "ENABLED", "priority": 7},
    )
    assert drift_sentences(plan) == ("the csd queue was disabled by hand",)


@pytest.mark.parametrize("secret", [{"value": True}, {"value": {"inner": True}}, {"value": [True]}])
def test_a_sensitive_value_is_never_shown(secret: dict[str, Any]) -> None:
    plan = changes_by_hand("aws_sqs_queue", "q", was={"value": "hunter2"}, now={"value": "hunter3"}, secret=secret)
    assert drift_sentences(plan) == ("the value of the sqs queue q was changed by hand",)
    tags = changes_by_hand(
        "aws_vpc", was={"tags_all": {"k": "hunter2"}}, now={"tags_all": {"k": "x"}}, secret={"tags_all": {"k": True}}
    )
    assert "hunter2" not in drift_sentences(tags)[0]


def test_one_sentence_is_said_once() -> None:
    plan = changes_by_hand("aws_launch_template", "jobs", was={"a": 1, "b": 1}, now={"a": 2, "b": 2})
    assert drift_sentences(plan) == ("the instances' launch template was changed by hand",)
