"""What stops a run before anything is paid for, what is only said, and what `up` says of the account."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from support.example_platform import platform

from opsctl.core.diagnosis.account.account import Account, AccountPlan, VolumeQuota
from opsctl.core.diagnosis.account.obstacles import RunFacts, bucket_obstacles, run_notes, run_obstacles
from opsctl.core.diagnosis.account.up_notes import up_notes
from opsctl.core.diagnosis.job_definition import JobDefinition
from opsctl.core.diagnosis.queue_snapshot import ON_DEMAND_QUOTA, SPOT_QUOTA, Image, NotVisible, Quota
from opsctl.core.location import Location

URL = "123456789012.dkr.ecr.us-east-1.amazonaws.com/opsctl-m2g"
IMAGE = f"{URL}:0.1.0"
PLATFORM = platform(image=IMAGE)
HIDDEN = NotVisible("x:Y", "is not permitted")
MOST = {"csd": 512, "csa": 1024}


def account(
    *quotas: Quota | NotVisible, plan: AccountPlan | NotVisible | None = None, tib: float | NotVisible = 50.0
) -> Account:
    volumes = tib if isinstance(tib, NotVisible) else VolumeQuota("L-7A658B76", tib)
    return Account(plan=plan, quotas=quotas or (Quota(ON_DEMAND_QUOTA, 4000),), volumes=volumes)


FREE, PAID = AccountPlan("FREE", "ACTIVE"), AccountPlan("PAID", "ACTIVE")
ACTIVE = JobDefinition(name="opsctl-m2g-csd:3", is_active=True, image=IMAGE)
GONE = JobDefinition(name="opsctl-m2g-csd:3", is_active=False, image=IMAGE)

STOPS: list[tuple[dict[str, Any], str, str, str]] = [
    (
        {"image": Image(IMAGE, False)},
        "image_not_found",
        f"{IMAGE} is not on ECR",
        "`opsctl image build` and `opsctl image",
    ),
    (
        {"image": Image(IMAGE, False, has_repository=False)},
        "image_not_found",
        "repository of the jobs' image",
        "`opsctl up` makes it anew. Then: `opsctl image build`",
    ),
    (
        {"image": Image("1.dkr/other:1", False)},
        "image_not_found",
        "other:1",
        "Name another with `opsctl up --image URI`.",
    ),
    ({"definitions": {"csd": None}}, "aws_not_found", "definition-csd:3 of the platform does not exist", "`opsctl up`"),
    ({"definitions": {"csd": GONE, "csa": ACTIVE}}, "aws_not_found", "is deregistered", "`opsctl up`"),
    (
        {"account": account(tib=0.05)},
        "aws_quota_reached",
        "gp3 disks may have 0.05 TiB in all, and an instance needs 100 GiB",
        "Service Quotas, EBS, L-7A658B76",
    ),
    (
        {"account": account(plan=FREE)},
        "account_restricted",
        "Free plan, where AWS launches no r5.large",
        "The data stays.",
    ),
    (
        {"account": account(Quota(ON_DEMAND_QUOTA, 1))},
        "aws_quota_reached",
        "may run 1 on-demand vCPUs, and a scan needs 2",
        "Service Quotas, EC2, L-1216C47A",
    ),
    (
        {"account": account(Quota(SPOT_QUOTA, 0), Quota(ON_DEMAND_QUOTA, 1))},
        "aws_quota_reached",
        "may run 0 Spot and 1 on-demand vCPUs",
        "L-34B43A08 (takes hours to days). Ask AWS for more: Service Quotas, EC2, L-1216C47A",
    ),
]


@pytest.mark.parametrize(("facts", "code", "what", "hint"), STOPS, ids=[row[1] + str(i) for i, row in enumerate(STOPS)])
def test_what_stops_a_run(facts: dict[str, Any], code: str, what: str, hint: str) -> None:
    (obstacle,) = run_obstacles(RunFacts(**facts), PLATFORM, model="csd")
    assert obstacle.code == code
    assert what in obstacle.what and hint in obstacle.hint
    problem = obstacle.problem
    assert (problem.code, problem.what, problem.hint) == (code, obstacle.what, obstacle.hint)


NO_OBSTACLE: list[dict[str, Any]] = [
    {},
    {"image": Image(IMAGE, True), "definitions": {"csd": ACTIVE}, "account": account(plan=PAID)},
    # What nobody may look at, or does not know, is no reason to refuse.
    {"image": HIDDEN, "definitions": HIDDEN, "account": account(HIDDEN, plan=HIDDEN, tib=HIDDEN)},
    # Another registry's image stays as it is; the other model's job definition does not matter.
    {"image": Image("neurodata/m2g:0.3.0", None), "definitions": {"csd": ACTIVE, "csa": None}},
    {"account": account(Quota(SPOT_QUOTA, 0), Quota(ON_DEMAND_QUOTA, 2))},
    {"account": account(Quota(SPOT_QUOTA, 0), HIDDEN)},
    {"account": account(plan=AccountPlan("SOMETHING_NEW", "ACTIVE"))},
    {"denied": ("batch:SubmitJob",)},
]


@pytest.mark.parametrize("facts", NO_OBSTACLE)
def test_what_stops_no_run(facts: dict[str, Any]) -> None:
    assert run_obstacles(RunFacts(**facts), PLATFORM, model="csd") == []


def test_everything_that_stops_it_is_told_at_once_the_first_to_mend_first() -> None:
    facts = RunFacts(
        image=Image(IMAGE, False), definitions={"csd": None}, account=account(Quota(ON_DEMAND_QUOTA, 0), plan=FREE)
    )
    codes = [obstacle.code for obstacle in run_obstacles(facts, PLATFORM, model="csd")]
    assert codes == ["aws_not_found", "image_not_found", "account_restricted", "aws_quota_reached"]


def notes(count: int, model: str = "csd", **facts: Any) -> list[str]:
    return run_notes(RunFacts(**facts), PLATFORM, model=model, scan_count=count)


def test_a_run_that_is_larger_than_the_quota_says_how_many_run_at_once() -> None:
    (note,) = notes(300, account=account(Quota(ON_DEMAND_QUOTA, 32)))
    assert note.startswith("The account may run 32 on-demand vCPUs: 16 of 300 scans run at once. Ask AWS for more:")
    (note,) = notes(300, "csa", account=account(Quota(ON_DEMAND_QUOTA, 32)))
    assert "8 of 300 scans" in note


@pytest.mark.parametrize(("count", "vcpus"), [(16, 32), (2, 5), (300, 512), (300, 4000)])
def test_a_quota_that_does_not_slow_the_run_is_not_told(count: int, vcpus: int) -> None:
    assert notes(count, account=account(Quota(ON_DEMAND_QUOTA, vcpus))) == []


def test_the_disks_quota_is_told_only_where_it_is_smaller_than_what_runs() -> None:
    (note,) = notes(300, account=account(tib=5.0))
    assert "gp3 disks may have 5 TiB in all: 51 scans at once with 100 GiB each, not 256." in note
    assert "Service Quotas, EBS, L-7A658B76" in note
    assert notes(50, account=account(tib=5.0)) == []
    assert [note for note in notes(300, account=account(Quota(ON_DEMAND_QUOTA, 32), tib=5.0)) if "gp3" in note] == []


def test_an_image_that_may_not_be_looked_at_is_never_fine() -> None:
    (note,) = notes(1, image=NotVisible("ecr:DescribeImages", "is not permitted"))
    assert note == "Whether the jobs' image is on ECR could not be looked at: ecr:DescribeImages is not permitted."


def test_what_iam_denies_is_told_with_the_policy_to_ask_for() -> None:
    (note,) = notes(1, denied=("batch:SubmitJob", "s3:PutObject"))
    assert "not permitted batch:SubmitJob, s3:PutObject" in note
    assert "docs/policies/run.json" in note


def test_up_says_how_many_scans_the_quota_gives() -> None:
    told = up_notes(account(Quota(ON_DEMAND_QUOTA, 32), plan=PAID), (), max_vcpus=MOST, root_volume_gib=100)
    assert told.quota == "The account may run 32 on-demand vCPUs (quota L-1216C47A): 16 csd or 8 csa scans at once."
    assert told.warnings == ()


def test_up_with_a_fallback_counts_both_quotas() -> None:
    told = up_notes(account(Quota(SPOT_QUOTA, 8), Quota(ON_DEMAND_QUOTA, 5)), (), max_vcpus=MOST, root_volume_gib=100)
    assert "8 Spot and 5 on-demand vCPUs (quota L-34B43A08 and L-1216C47A): 6 csd or 3 csa" in told.quota


def test_up_names_what_keeps_every_scan_from_running() -> None:
    told = up_notes(
        account(Quota(ON_DEMAND_QUOTA, 1), plan=FREE), ("iam:CreateRole",), max_vcpus=MOST, root_volume_gib=100
    )
    assert told.quota == ""
    plan, quota, denied = told.warnings
    assert "on the Free plan" in plan and "Upgrade the account" in plan
    assert "may run 1 on-demand vCPUs, and a scan needs 2" in quota and "L-1216C47A" in quota
    assert "not permitted iam:CreateRole" in denied and "docs/policies/up.json" in denied


def test_up_says_nothing_of_what_it_does_not_know() -> None:
    told = up_notes(account(HIDDEN, plan=HIDDEN, tib=HIDDEN), (), max_vcpus=MOST, root_volume_gib=100)
    assert (told.quota, told.warnings) == ("", ())


@pytest.mark.parametrize(
    ("changes", "bucket", "command"),
    [
        ({}, "openneuro.org", "`opsctl up --name m2g --source-bucket openneuro.org`"),
        (
            {"options": {"source_buckets": ["lab"]}},
            "openneuro.org",
            "`opsctl up --name m2g --source-bucket lab --source-bucket openneuro.org`",
        ),
        ({"endpoint_url": "http://127.0.0.1:1", "name": "local"}, "b", "`opsctl up --local --source-bucket b`"),
        ({}, PLATFORM.data_bucket, ""),
        ({"options": {"source_buckets": ["lab"]}}, "lab", ""),
    ],
)
def test_a_bucket_that_the_jobs_may_not_read(changes: dict[str, Any], bucket: str, command: str) -> None:
    obstacles = list(bucket_obstacles(Location(bucket, "ds000114"), replace(PLATFORM, **changes)))
    assert [obstacle.hint.partition(" permits")[0] for obstacle in obstacles] == ([command] if command else [])
    assert all(bucket in obstacle.what and obstacle.code == "aws_denied" for obstacle in obstacles)
