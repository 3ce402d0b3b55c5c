"""The policies of docs/institute.md: who may do what with a boundary, a key, and an existing network."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
from support.policy_files import ACCOUNT, FOLDER, INSTITUTE_FILES, NAME, PLATFORM, REGION, Policy, document
from support.policy_table import Row, rows
from test_policy_form import MAX_CHARACTERS, as_list, known, takes

from opsctl.local.rights.evaluator import Decision, Request, decide

PAGE = "".join((FOLDER.parent / page).read_text() for page in ("institute.md", "notify.md", "cost.md"))
BOUNDARY = f"arn:aws:iam::{ACCOUNT}:policy/Boundary"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
VALUES = {
    **PLATFORM,
    "BOUNDARY": BOUNDARY,
    "KEY_ARN": KEY,
    "VPC_ID": "vpc-0123456789abcdef0",
    "PEOPLE": "arn:aws:iam::*",
}
#: Policies of people and roles; a key's own policy has other rules.
OF_IDENTITIES = [file for file in INSTITUTE_FILES if file != "kms-key"]
EVERY = [(file, statement) for file in OF_IDENTITIES for statement in document(file, **VALUES)["Statement"]]
NAMES = [f"{file} {statement['Sid']}" for file, statement in EVERY]

ROLE = f"arn:aws:iam::{ACCOUNT}:role/opsctl-{NAME}-{REGION}-job"
EC2 = f"arn:aws:ec2:{REGION}:{ACCOUNT}"
TAGGED = {"aws:RequestTag/opsctl:platform": NAME}
OURS = {"aws:ResourceTag/opsctl:platform": NAME}


@pytest.mark.parametrize("file", INSTITUTE_FILES)
def test_the_page_names_each_file_and_iam_takes_its_size(file: str) -> None:
    assert f"policies/{file}.json" in PAGE
    assert len("".join(json.dumps(document(file, **VALUES)).split())) <= MAX_CHARACTERS


@pytest.mark.parametrize(("file", "statement"), EVERY, ids=NAMES)
def test_every_action_exists_and_takes_one_of_its_resources(file: str, statement: Policy) -> None:
    resources = as_list(statement["Resource"])
    for action in as_list(statement["Action"]):
        rows = known(action)
        assert rows, action
        if "*" not in resources and file != "boundary":
            assert any(takes(row, resource) for row in rows for resource in resources), action


@pytest.mark.parametrize(("file", "statement"), EVERY, ids=NAMES)
def test_every_condition_is_one_that_its_actions_know(file: str, statement: Policy) -> None:
    for key in (key for values in statement.get("Condition", {}).values() for key in values):
        general = re.sub(r"^(aws:(?:Request|Resource)Tag)/.*", r"\1/${TagKey}", key)
        if general == "aws:RequestedRegion" or file == "boundary":
            continue
        for action in as_list(statement["Action"]):
            assert any(general in row["condition_keys"] for row in known(action)), (action, key)


def asked(action: str, resource: str, files: tuple[str, ...], **context: str) -> Decision:
    request = Request(action, resource, {"aws:RequestedRegion": REGION, **context})
    return decide(request, identity=[document(file, **VALUES) for file in files])


WITH, OTHER = {"iam:PermissionsBoundary": BOUNDARY}, {"iam:PermissionsBoundary": f"{BOUNDARY}2"}


@pytest.mark.parametrize(
    ("action", "context", "alone", "bounded"),
    [
        # What the request sets (CreateRole, PutRolePermissionsBoundary), or what the role has (the others).
        ("iam:CreateRole", {}, "allow", "deny"),
        ("iam:CreateRole", OTHER, "allow", "deny"),
        ("iam:CreateRole", WITH, "allow", "allow"),
        ("iam:PutRolePolicy", {}, "allow", "deny"),
        ("iam:PutRolePolicy", OTHER, "allow", "deny"),
        ("iam:PutRolePolicy", WITH, "allow", "allow"),
        ("iam:PutRolePermissionsBoundary", WITH, "deny", "allow"),
        ("iam:PutRolePermissionsBoundary", OTHER, "deny", "deny"),
        ("iam:DeleteRolePermissionsBoundary", WITH, "deny", "deny"),
        ("iam:DeleteRole", WITH, "allow", "allow"),
        ("iam:TagRole", {}, "allow", "allow"),
    ],
)
def test_who_makes_the_platform_cannot_do_without_the_boundary(
    action: str, context: dict[str, str], alone: Decision, bounded: Decision
) -> None:
    assert asked(action, ROLE, ("up",), **context) == alone
    assert asked(action, ROLE, ("up", "up-boundary"), **context) == bounded


def test_the_denials_hold_against_an_administrators_policy_too() -> None:
    everything = {"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    documents = [everything, document("up-boundary", **VALUES)]
    assert decide(Request("iam:CreateRole", ROLE), identity=documents) == "deny"
    assert decide(Request("iam:DeleteRolePermissionsBoundary", ROLE, WITH), identity=documents) == "deny"
    for action in ("CreatePolicyVersion", "SetDefaultPolicyVersion", "DeletePolicy", "DeletePolicyVersion"):
        assert decide(Request(f"iam:{action}", BOUNDARY), identity=documents) == "deny"
    assert decide(Request("iam:CreatePolicyVersion", f"{BOUNDARY}2"), identity=documents) == "allow"


def test_attaching_a_policy_needs_the_boundary_as_well() -> None:
    managed = {"iam:PolicyARN": "arn:aws:iam::aws:policy/service-role/AWSBatchServiceRole"}
    assert asked("iam:AttachRolePolicy", ROLE, ("up", "up-boundary"), **managed) == "deny"
    assert asked("iam:AttachRolePolicy", ROLE, ("up", "up-boundary"), **managed, **WITH) == "allow"


def roles_rows() -> list[Row]:
    # The bucket `open` stands for one that its own policy opens, which a boundary is there to forbid.
    open_bucket = "arn:aws:s3:::open-to-the-account"
    return [
        row
        for row in rows()
        if row.who in ("job", "instance", "service")
        and row.decision == "allow"
        and not row.resource.startswith(open_bucket)
    ]


@pytest.mark.parametrize("row", roles_rows(), ids=str)
def test_the_boundary_of_the_docs_leaves_the_roles_what_they_need(row: Row) -> None:
    bucket = f"opsctl-{NAME}-{ACCOUNT}-{REGION}"
    source = "open-neuro"
    boundary = document("boundary", **VALUES)
    first = boundary["Statement"][0]
    assert first["Resource"] == [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]
    first["Resource"] += [f"arn:aws:s3:::{source}", f"arn:aws:s3:::{source}/*"]
    request = row.request
    assert decide(request, identity=[boundary]) == "allow"


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("iam:CreateUser", f"arn:aws:iam::{ACCOUNT}:user/eve"),
        ("iam:PutRolePolicy", ROLE),
        ("iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/administrator"),
        ("sts:AssumeRole", f"arn:aws:iam::{ACCOUNT}:role/administrator"),
        ("s3:GetObject", "arn:aws:s3:::hospital-records/x"),
        ("s3:DeleteObject", f"arn:aws:s3:::opsctl-{NAME}-{ACCOUNT}-{REGION}/HNU1/x"),
        ("kms:Decrypt", KEY),
    ],
)
def test_the_boundary_of_the_docs_holds_what_a_role_could_be_given(action: str, resource: str) -> None:
    assert asked(action, resource, ("boundary",)) == "deny"


VPC, OTHER_VPC = f"{EC2}:vpc/{VALUES['VPC_ID']}", f"{EC2}:vpc/vpc-0123456789abcdef9"


@pytest.mark.parametrize(
    ("action", "resource", "context", "decision"),
    [
        ("ec2:CreateSecurityGroup", VPC, {}, "allow"),
        ("ec2:CreateSecurityGroup", OTHER_VPC, {}, "deny"),
        ("ec2:CreateSecurityGroup", f"{EC2}:security-group/sg-1", TAGGED, "allow"),
        ("ec2:CreateSecurityGroup", f"{EC2}:security-group/sg-1", {}, "deny"),
        ("ec2:AuthorizeSecurityGroupEgress", f"{EC2}:security-group/sg-1", OURS, "allow"),
        ("ec2:AuthorizeSecurityGroupEgress", f"{EC2}:security-group/sg-1", {}, "deny"),
        ("ec2:AuthorizeSecurityGroupIngress", f"{EC2}:security-group/sg-1", OURS, "deny"),
        ("ec2:DeleteSecurityGroup", f"{EC2}:security-group/sg-1", OURS, "allow"),
        ("ec2:DeleteSecurityGroup", f"{EC2}:security-group/sg-endpoints", {}, "deny"),
        ("ec2:CreateLaunchTemplate", f"{EC2}:launch-template/lt-1", TAGGED, "allow"),
        (
            "ec2:CreateTags",
            f"{EC2}:security-group/sg-1",
            {**TAGGED, "ec2:CreateAction": "CreateSecurityGroup"},
            "allow",
        ),
        ("ec2:CreateTags", VPC, TAGGED, "deny"),
        ("ec2:CreateVpc", VPC, TAGGED, "deny"),
        ("ec2:CreateSubnet", VPC, {}, "deny"),
        ("ec2:CreateVpcEndpoint", VPC, {}, "deny"),
        ("ec2:ModifyVpcAttribute", VPC, {}, "deny"),
        ("ec2:DeleteSubnet", f"{EC2}:subnet/subnet-1", {}, "deny"),
        ("ec2:CreateRoute", f"{EC2}:route-table/rtb-1", {}, "deny"),
        ("ec2:DescribeVpcEndpoints", "*", {}, "allow"),
        ("ec2:DescribeNetworkAcls", "*", {}, "allow"),
        ("ec2:DescribeVpcAttribute", "*", {}, "allow"),
        ("ec2:DescribeInstanceTypeOfferings", "*", {}, "allow"),
    ],
)
def test_in_an_existing_network_only_the_platforms_group_and_template_are_made(
    action: str, resource: str, context: dict[str, str], decision: Decision
) -> None:
    assert asked(action, resource, ("up-vpc",), **context) == decision


AUTO_SCALING = f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"
THROUGH_S3 = {"kms:ViaService": f"s3.{REGION}.amazonaws.com", "kms:CallerAccount": ACCOUNT}
LOGS = f"logs.{REGION}.amazonaws.com"
GROUP = {"kms:EncryptionContext:aws:logs:arn": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/opsctl/{NAME}"}


@pytest.mark.parametrize(
    ("principal", "action", "context", "decision"),
    [
        (ROLE, "kms:Decrypt", THROUGH_S3, "allow"),
        (ROLE, "kms:GenerateDataKey", THROUGH_S3, "allow"),
        (ROLE, "kms:Decrypt", {"kms:CallerAccount": ACCOUNT}, "deny"),
        (ROLE, "kms:CreateGrant", THROUGH_S3, "deny"),
        (ROLE.replace("-job", "-instance"), "kms:Decrypt", THROUGH_S3, "deny"),
        (f"arn:aws:iam::{ACCOUNT}:role/neuro", "kms:Decrypt", THROUGH_S3, "allow"),
        (f"arn:aws:iam::{ACCOUNT}:role/other", "kms:Decrypt", THROUGH_S3, "deny"),
        (AUTO_SCALING, "kms:CreateGrant", {"kms:GrantIsForAWSResource": "true"}, "allow"),
        (AUTO_SCALING, "kms:CreateGrant", {}, "deny"),
        (AUTO_SCALING, "kms:GenerateDataKeyWithoutPlaintext", {}, "allow"),
        (LOGS, "kms:Encrypt", GROUP, "allow"),
        (LOGS, "kms:Encrypt", {}, "deny"),
        ("logs.us-west-2.amazonaws.com", "kms:Encrypt", GROUP, "deny"),
    ],
)
def test_who_may_use_the_key(principal: str, action: str, context: dict[str, str], decision: Decision) -> None:
    people = {**VALUES, "PEOPLE": f"arn:aws:iam::{ACCOUNT}:role/neuro"}
    policy = document("kms-key", **people)
    # The first statement leaves the key to the account's own policies of IAM, which are not asked here.
    assert policy["Statement"][0]["Principal"] == {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
    statements = {"Statement": policy["Statement"][1:]}
    request = Request(action, KEY, {"aws:PrincipalArn": principal, **context}, principal)
    assert decide(request, resource=[statements]) == decision


def test_who_makes_the_platform_needs_little_of_the_key() -> None:
    through_ecr = {"kms:ViaService": f"ecr.{REGION}.amazonaws.com"}
    assert asked("kms:DescribeKey", KEY, ("up-key",)) == "allow"
    assert asked("kms:CreateGrant", KEY, ("up-key",), **through_ecr) == "allow"
    assert asked("kms:CreateGrant", KEY, ("up-key",)) == "deny"
    assert asked("kms:Decrypt", KEY, ("up-key",), **through_ecr) == "deny"
    assert asked("kms:PutKeyPolicy", KEY, ("up-key",)) == "deny"
    assert (
        asked("logs:AssociateKmsKey", f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/opsctl/{NAME}", ("up-key",))
        == "allow"
    )


def test_the_pages_command_puts_path_and_prefix_into_the_policies(tmp_path: Path) -> None:
    (script,) = re.findall(r"^```sh\n(sed .*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    for file in ("up", "run", "boundary", "kms-key"):
        (tmp_path / f"{file}.json").write_text(json.dumps(document(file, **VALUES)))
    subprocess.run(["sh", "-eu"], input=script, text=True, cwd=tmp_path, check=True)
    up, run, boundary, key = (
        json.loads((tmp_path / f"{file}.json").read_text()) for file in ("up", "run", "boundary", "kms-key")
    )

    role = f"arn:aws:iam::{ACCOUNT}:role/lab/lab-opsctl-{NAME}-{REGION}-job"
    assert decide(Request("iam:CreateRole", role), identity=[up]) == "allow"
    assert decide(Request("iam:CreateRole", ROLE), identity=[up]) == "deny"
    passed = {"iam:PassedToService": "ecs-tasks.amazonaws.com"}
    assert decide(Request("iam:PassRole", role, passed), identity=[up]) == "allow"
    profile = role.replace(":role/", ":instance-profile/").replace("-job", "-instance")
    assert decide(Request("iam:CreateInstanceProfile", profile), identity=[up]) == "allow"
    queue = f"arn:aws:batch:{REGION}:{ACCOUNT}:job-queue/lab-opsctl-{NAME}-csd"
    assert decide(Request("batch:SubmitJob", queue), identity=[run]) == "allow"
    record = f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/opsctl/{NAME}/platform"
    assert decide(Request("ssm:GetParameter", record), identity=[run]) == "allow"
    assert decide(Request("iam:PassRole", role), identity=[boundary]) == "allow"
    through_s3 = Request("kms:Decrypt", KEY, {"aws:PrincipalArn": role, **THROUGH_S3}, role)
    assert decide(through_s3, resource=[{"Statement": key["Statement"][1:]}]) == "allow"
