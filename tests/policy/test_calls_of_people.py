"""The permissions that calls need, where an operation is not its own action, and whether docs/policies gives them."""

from __future__ import annotations

from typing import Any

import pytest
from support.policy_files import ACCOUNT, NAME, PLATFORM, REGION, document

from opsctl.local.rights.called_actions import requests_of
from opsctl.local.rights.evaluator import decide

DATA = f"opsctl-{NAME}-{ACCOUNT}-{REGION}"
BATCH = f"arn:aws:batch:{REGION}:{ACCOUNT}"
BUDGET = f"opsctl-{NAME}-{REGION}-monthly"
BUDGET_ARN = f"arn:aws:budgets::{ACCOUNT}:budget/{BUDGET}"
SUBMIT = {
    "jobQueue": f"{BATCH}:job-queue/opsctl-{NAME}-csd",
    "jobDefinition": f"{BATCH}:job-definition/opsctl-{NAME}-csd:3",
}
SELFTEST = "opsctl/selftest/selftest-20261128-120000-ab12/csd/x"


def call(service: str, operation: str, **parameters: Any) -> dict[str, Any]:
    return {"service": service, "operation": operation, "parameters": parameters, "region": REGION}


def deletion(*entries: dict[str, str]) -> dict[str, Any]:
    return call("s3", "DeleteObjects", Bucket=DATA, Objects=list(entries))


CALLS = [
    (
        call("batch", "SubmitJob", **SUBMIT),
        {
            ("batch:SubmitJob", SUBMIT["jobQueue"]),
            ("batch:SubmitJob", SUBMIT["jobDefinition"]),
            ("batch:SubmitJob", f"{BATCH}:job/new"),
        },
        "run",
        True,
    ),
    (
        call("batch", "TerminateJobs", jobs=["1", "2:0"], reason="x"),
        {("batch:TerminateJob", f"{BATCH}:job/1"), ("batch:TerminateJob", f"{BATCH}:job/2:0")},
        "run",
        True,
    ),
    (call("batch", "TerminateJob", jobId="1"), {("batch:TerminateJob", f"{BATCH}:job/1")}, "up", True),
    (
        deletion({"Key": SELFTEST, "VersionId": "v1"}),
        {("s3:DeleteObjectVersion", f"arn:aws:s3:::{DATA}/{SELFTEST}")},
        "run",
        True,
    ),
    (deletion({"Key": "HNU1/x"}), {("s3:DeleteObject", f"arn:aws:s3:::{DATA}/HNU1/x")}, "run", False),
    (
        deletion({"Key": "HNU1/x", "VersionId": "v1"}),
        {("s3:DeleteObjectVersion", f"arn:aws:s3:::{DATA}/HNU1/x")},
        "delete",
        True,
    ),
    (
        call("s3", "ListObjectVersions", Bucket=DATA, prefix="opsctl/selftest/a/"),
        {("s3:ListBucketVersions", f"arn:aws:s3:::{DATA}")},
        "run",
        True,
    ),
    (
        call("s3", "ListObjectVersions", Bucket=DATA, prefix="HNU1/"),
        {("s3:ListBucketVersions", f"arn:aws:s3:::{DATA}")},
        "run",
        False,
    ),
    (
        call("s3", "DeleteObject", Bucket=DATA, Key="HNU1/x", versionId="v1"),
        {("s3:DeleteObjectVersion", f"arn:aws:s3:::{DATA}/HNU1/x")},
        "delete",
        True,
    ),
    (
        call("budgets", "CreateBudget", AccountId=ACCOUNT, Budget={"BudgetName": BUDGET}, ResourceTags=[{"Key": "k"}]),
        {("budgets:ModifyBudget", BUDGET_ARN), ("budgets:TagResource", BUDGET_ARN)},
        "up-budget",
        True,
    ),
    *[
        (call("budgets", operation, AccountId=ACCOUNT, **parameters), {(f"budgets:{action}", BUDGET_ARN)}, file, True)
        for file, operation, action, parameters in (
            ("up-budget", "UpdateBudget", "ModifyBudget", {"NewBudget": {"BudgetName": BUDGET}}),
            ("up-budget", "CreateNotification", "ModifyBudget", {"BudgetName": BUDGET}),
            ("up-budget", "DeleteBudget", "ModifyBudget", {"BudgetName": BUDGET}),
            ("up-budget", "DescribeBudget", "ViewBudget", {"BudgetName": BUDGET}),
            ("up-budget", "DescribeSubscribersForNotification", "ViewBudget", {"BudgetName": BUDGET}),
            ("up-budget", "ListTagsForResource", "ListTagsForResource", {"ResourceARN": BUDGET_ARN}),
            ("up-budget", "UntagResource", "UntagResource", {"ResourceARN": BUDGET_ARN}),
        )
    ],
    (
        call("budgets", "DeleteBudget", AccountId=ACCOUNT, BudgetName="somebody-elses"),
        {("budgets:ModifyBudget", f"arn:aws:budgets::{ACCOUNT}:budget/somebody-elses")},
        "up-budget",
        False,
    ),
    (call("freetier", "GetAccountPlanState"), {("freetier:GetAccountPlanState", "*")}, "run", True),
    (
        call("kms", "DescribeKey", KeyId="k"),
        {("kms:DescribeKey", f"arn:aws:kms:{REGION}:{ACCOUNT}:key/k")},
        "up-network",
        True,
    ),
]


@pytest.mark.parametrize(("recorded", "needs", "file", "is_allowed"), CALLS)
def test_what_a_call_needs_and_whether_a_policy_gives_it(recorded, needs, file, is_allowed):
    requests = list(requests_of(recorded, account=ACCOUNT, region=REGION, platform=NAME))
    assert {(request.action, request.resource) for request in requests} == needs
    decisions = {decide(request, identity=[document(file, **PLATFORM)]) for request in requests}
    assert decisions == ({"allow"} if is_allowed else {"deny"})
