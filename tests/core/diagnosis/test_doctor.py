"""The rules of `doctor`: from facts to lines."""

from __future__ import annotations

import dataclasses
from datetime import date
from typing import Any

import pytest
from support.example_platform import platform
from support.launch_messages import FREE_TIER
from support.why_examples import HEALTHY

from opsctl.core.costs.prices import old_table_note
from opsctl.core.diagnosis.account.account import Account, AccountPlan, VolumeQuota
from opsctl.core.diagnosis.doctor import lines
from opsctl.core.diagnosis.doctor_facts import (
    Checkup,
    Disk,
    EngineVersion,
    Login,
    Permission,
    Provider,
    Terminal,
    TerraformVersion,
)
from opsctl.core.diagnosis.doctor_line import Line
from opsctl.core.diagnosis.job_definition import JobDefinition
from opsctl.core.diagnosis.queue_snapshot import ON_DEMAND_QUOTA, SPOT_QUOTA, Launch, NotVisible, Quota
from opsctl.core.errors import ErrorCode, Problem
from opsctl.core.platform.monthly_budget import MonthSpend

GB = 1_000_000_000
ADA = Login(arn="arn:aws:iam::123456789012:user/ada", account_id="123456789012", skew_seconds=0.4)
NO_LOGIN = Problem("There are no AWS credentials.", "Log in.", code=ErrorCode.BUG)
LATE = NotVisible("docker version", "did not answer within 8 s")
LACKING = Problem("It is not installed.", "Install `opsctl[local]`.", code=ErrorCode.INSTALLATION_INCOMPLETE)
ON_AWS = platform()
LOCAL = platform(name="local", endpoint_url="http://127.0.0.1:1")


def account(*quotas: Quota | NotVisible, plan: str | NotVisible = "PAID", tib: float = 50.0) -> Account:
    known = plan if isinstance(plan, NotVisible) else AccountPlan(plan, "ACTIVE")
    return Account(plan=known, quotas=quotas, volumes=VolumeQuota("L-7A658B76", tib))


#: A machine with a platform on AWS, without any fault.
WELL = Checkup(
    python=(3, 12, 1),
    version="0.1.0",
    installed_at="/opt/opsctl",
    terminal=Terminal("utf-8", True, 80),
    wants_aws=True,
    lacks_local_parts=None,
    region="us-east-1",
    terraform=TerraformVersion(version="1.9.5", path="/usr/bin/terraform"),
    provider=Provider("/mirror"),
    engine=EngineVersion(name="Docker", version="27.1", path="/usr/bin/docker"),
    disk=Disk("/home/ada", 80 * GB),
    login=ADA,
    platform=ON_AWS,
    permissions=(Permission("batch:SubmitJob", "run", "allowed"), Permission("iam:CreateRole", "up", "allowed")),
    account=account(Quota(ON_DEMAND_QUOTA, 2000)),
    definitions={"csd": JobDefinition(name="opsctl-m2g-csd:3", is_active=True, image="repo:1")},
    facts={"csd": HEALTHY},
    bucket=True,
)
ON_THIS_MACHINE = dataclasses.replace(
    WELL,
    wants_aws=False,
    login=NO_LOGIN,
    region=None,
    platform=LOCAL,
    permissions=None,
    local_server="http://h:1",
    account=None,
)


def doctor_lines(base: Checkup = WELL, **changes: Any) -> list[Line]:
    return lines(dataclasses.replace(base, **changes))


def variables_hint(left_out: str) -> str:
    terraform = TerraformVersion(version="1.9", path="/t", left_out=left_out)
    return [line.hint for line in doctor_lines(terraform=terraform) if line.topic == "Terraform"][-1]


def test_variables_that_do_not_reach_terraform_are_a_line_of_their_own() -> None:
    terraform = TerraformVersion(version="1.9", path="/t", left_out="TF_LOG is set: opsctl runs Terraform without it.")
    version, variables = (line for line in doctor_lines(terraform=terraform) if line.topic == "Terraform")
    assert (version.level, version.what) == ("fine", "1.9 (/t)")
    assert (variables.level, variables.what) == ("warning", terraform.left_out)
    # `--set` sets Terraform's variables, and neither its log nor where its settings are.
    hints = {name: variables_hint(f"{name} is set: x") for name in ("TF_LOG", "TF_VAR_x", "TF_CLI_CONFIG_FILE")}
    assert {name for name, hint in hints.items() if "--set" in hint} == {"TF_VAR_x"}
    assert "can be read" in hints["TF_CLI_CONFIG_FILE"]


def test_where_all_is_well_every_line_is_fine() -> None:
    assert [line for line in doctor_lines() if line.level != "fine"] == []
    assert [line.topic for line in doctor_lines()] == [
        *("Python", "opsctl", "terminal", "Terraform", "provider", "containers", "disk", "AWS login", "AWS region"),
        *("clock", "account plan", "permissions", "quota", "platform", "job definitions", "queue csd", "data bucket"),
    ]


@pytest.mark.parametrize(
    ("emails", "level", "what"),
    [
        ((), "fine", "Every address is confirmed."),
        (("b@lab.org",), "warning", "Not confirmed: b@lab.org."),
        (Problem("No.", code=ErrorCode.AWS_DENIED), "fine", "hidden"),
        (Problem("Too often.", code=ErrorCode.AWS_THROTTLED), "warning", "Too often."),
    ],
)
def test_mail_that_nobody_confirmed_is_a_warning(emails: Any, level: str, what: str) -> None:
    (line,) = (line for line in doctor_lines(unconfirmed_emails=emails) if line.topic == "mail")
    assert line.level == level
    assert what in line.what


def test_an_aged_machine_image_is_a_warning_with_what_renews_it() -> None:
    aged = dataclasses.replace(ENVIRONMENT, has_newer_image=True)
    queue_lines = [line for line in doctor_lines(**facts_with(environments=(aged,))) if line.topic == "queue csd"]
    assert [(line.level, line.what) for line in queue_lines] == [
        ("warning", "AWS has a newer machine image (AMI) than the instances of env get.")
    ]
    assert "`opsctl up`" in queue_lines[0].hint


def test_on_this_machine_a_missing_login_is_a_warning_only() -> None:
    not_fine = [line for line in lines(ON_THIS_MACHINE) if line.level != "fine"]
    assert [(line.topic, line.level) for line in not_fine] == [("AWS login", "warning")]
    assert not_fine[0].hint == "Only for AWS: log in."


def test_a_container_engine_that_does_not_answer_is_not_fine_here_either() -> None:
    silent = EngineVersion(name="Docker", silence="Docker is installed, and does not answer.", remedy="Start Docker.")
    (line,) = (line for line in doctor_lines(ON_THIS_MACHINE, engine=silent) if line.topic == "containers")
    assert (line.level, line.hint) == ("warning", "Start Docker.")
    (line,) = (line for line in doctor_lines(ON_THIS_MACHINE, engine=None) if line.topic == "containers")
    assert (line.level, line.hint) == ("fine", "")


def test_after_a_stopped_down_there_is_one_fault_with_one_remedy() -> None:
    not_there = Problem("The log group is not there.", "", code=ErrorCode.AWS_NOT_FOUND)
    stopped = doctor_lines(ON_THIS_MACHINE, has_pending_down=True, facts={"csd": not_there}, bucket=not_there)
    (line,) = (line for line in stopped if line.level == "wrong")
    assert line.what == "local: its `down` was stopped before its end."
    assert line.hint.startswith("`opsctl down` goes on from there")


def facts_with(**changes: Any) -> dict[str, Any]:
    return {"facts": {"csd": dataclasses.replace(WELL.facts["csd"], **changes)}}  # type: ignore[type-var]


QUEUE: Any = HEALTHY.queue
ENVIRONMENT: Any = HEALTHY.environments[0]  # type: ignore[index]

RULES: list[tuple[dict[str, Any], str, str, str, str]] = [
    ({"python": (3, 10, 2)}, "Python", "wrong", "3.10.2 is too old.", "Install Python 3.11"),
    ({"version": "0.2.0"}, "opsctl", "warning", "made by 0.1.0", "opsctl up"),
    ({"terminal": Terminal("ascii", True, 80)}, "terminal", "warning", "Writes ascii", "UTF-8"),
    ({"terminal": Terminal("", False, 80)}, "terminal", "warning", "Writes plain ASCII", "UTF-8"),
    ({"terminal": Terminal("UTF-8", True, 30)}, "terminal", "warning", "30 columns", "wider"),
    (
        {"terraform": Problem("Terraform is not on the PATH.", "Install it.", code=ErrorCode.BUG)},
        "Terraform",
        "wrong",
        "PATH",
        "Install",
    ),
    (
        {"terraform": NotVisible("terraform version", "is late")},
        "Terraform",
        "warning",
        "terraform version is late",
        "",
    ),
    ({"provider": Problem("No.", "Name one.", code=ErrorCode.BUG)}, "provider", "wrong", "No.", "Name one."),
    ({"provider": Provider(None, True)}, "provider", "fine", "registry, which answers", ""),
    ({"provider": Provider(None, False)}, "provider", "warning", "does not answer", "OPSCTL_PROVIDER_MIRROR"),
    ({"provider": Provider(None), "platform": None}, "provider", "wrong", "does not answer", "OPSCTL_PROVIDER_MIRROR"),
    ({"lacks_local_parts": LACKING}, "local parts", "warning", "not installed", "opsctl[local]"),
    ({"loopback": Problem("No IPv4.", "Add it.", code=ErrorCode.BUG)}, "loopback", "warning", "No IPv4.", "Add it."),
    ({"engine": None}, "containers", "warning", "Neither Docker nor Podman", "Install one"),
    (
        {"engine": EngineVersion(name="Docker", silence="Its daemon does not answer.", remedy="Start Docker.")},
        "containers",
        "warning",
        "Its daemon does not answer. Only building",
        "Start Docker.",
    ),
    (
        {"engine": EngineVersion(name="Podman", version="5.1", path="/usr/bin/docker")},
        "containers",
        "fine",
        "Podman 5.1 (/usr/bin/docker, by the name of docker)",
        "",
    ),
    (
        {"engine": EngineVersion(name="Docker", version="27.1", path="/t/docker", warning="All may replace it.")},
        "containers",
        "warning",
        "Docker 27.1 (/t/docker). All may replace it.",
        "chmod o-w",
    ),
    (
        {"terraform": TerraformVersion(version="1.9", path="/t/terraform", warning="All may replace it.")},
        "Terraform",
        "warning",
        "1.9 (/t/terraform). All may replace it.",
        "chmod o-w",
    ),
    ({"engine": LATE}, "containers", "warning", "Could not be looked at: docker version did not answer", ""),
    ({"disk": Disk("/h", GB // 10)}, "disk", "wrong", "Only 0.1 GB free for /h.", "OPSCTL_HOME"),
    ({"disk": Disk("/h", GB)}, "disk", "fine", "1.0 GB free", ""),
    (
        {"configuration": (Problem("x.toml, line 3.", "Say y.", code=ErrorCode.BUG),)},
        "configuration",
        "wrong",
        "line 3",
        "Say y.",
    ),
    ({"login": NO_LOGIN}, "AWS login", "wrong", "There are no AWS credentials.", "Log in."),
    ({"login": NotVisible("sts", "is late")}, "AWS login", "warning", "sts is late", ""),
    ({"region": None}, "AWS region", "wrong", "No AWS region is set.", "--region"),
    ({"permissions": LATE}, "permissions", "warning", "Could not be looked at", ""),
    (
        {"bucket": Problem("The bucket data does not exist.", "?", code=ErrorCode.BUG)},
        "data bucket",
        "wrong",
        "does not exist",
        "?",
    ),
    ({"platform": None}, "platform", "warning", "No platform is up.", "opsctl up --local"),
    ({"platform": Problem("Damaged.", "Anew.", code=ErrorCode.BUG)}, "platform", "wrong", "Damaged.", "Anew."),
    ({"facts": {"csd": LATE}}, "queue csd", "warning", "Could not be looked at", ""),
    (facts_with(queue=None), "queue csd", "wrong", "The job queue is not there any more.", "opsctl up"),
    (facts_with(queue=dataclasses.replace(QUEUE, state="DISABLED")), "queue csd", "wrong", "DISABLED", "opsctl up"),
    (
        facts_with(environments=(dataclasses.replace(ENVIRONMENT, status="INVALID", reason="no role"),)),
        *("queue csd", "wrong", "env is INVALID: no role", "opsctl up"),
    ),
    (
        facts_with(queue=NotVisible("batch:DescribeJobQueues", "is not permitted")),
        "queue csd",
        "warning",
        "batch:Des",
        "",
    ),
    (
        {"account": account(Quota("L-1", 3))},
        "quota",
        "wrong",
        "may run 3 on-demand vCPUs, and a scan needs 4",
        "EC2, L-1 ",
    ),
    ({"account": account(Quota("L-1", 32))}, "quota", "warning", "8 scans at once instead of 256", "Service Quotas"),
    (
        {"account": account(NotVisible("servicequotas:Get", "is not permitted"))},
        "quota",
        "warning",
        "servicequotas",
        "",
    ),
    ({"account": account(Quota(SPOT_QUOTA, 2000))}, "quota", "fine", "2,000 Spot vCPUs", ""),
    (
        {"account": account(Quota(SPOT_QUOTA, 8), Quota(ON_DEMAND_QUOTA, 5))},
        "quota",
        "warning",
        "may run 8 Spot and 5 on-demand vCPUs, the platform would use 1024: 3 scans at once",
        SPOT_QUOTA,
    ),
    (
        {"platform": None, "account": account(Quota("L-1", 5))},
        "quota",
        "warning",
        "1 scans at once instead of 256",
        "L-1",
    ),
    (
        {"account": account(Quota("L-1", 2000), plan="FREE")},
        "account plan",
        "wrong",
        "on the Free plan, where AWS launches no r5.large",
        "Upgrade the account to the paid plan",
    ),
    (
        {"account": account(Quota("L-1", 2000), plan=NotVisible("freetier:GetAccountPlanState", "is not permitted"))},
        "account plan",
        "warning",
        "Could not be looked at: freetier:GetAccountPlanState is not permitted.",
        "",
    ),
    (
        {"account": account(Quota("L-1", 2000), tib=5)},
        "disk quota",
        "warning",
        "may have 5 TiB in all: 51 scans at once with 100 GiB each, not 256",
        "EBS, L-7A658B76",
    ),
    (
        {"definitions": {"csd": None}},
        "job definitions",
        "wrong",
        "The job definition arn:definition-csd:3 of the platform does not exist any more.",
        "opsctl up",
    ),
    (
        {"definitions": {"csd": JobDefinition(name="d:3", is_active=False, image=None)}},
        "job definitions",
        "wrong",
        "is deregistered",
        "opsctl up",
    ),
    (
        {"definitions": NotVisible("batch:DescribeJobDefinitions", "is not permitted")},
        "job definitions",
        "warning",
        "batch:DescribeJobDefinitions is not permitted",
        "",
    ),
    (
        facts_with(launches=(Launch(environment="e", age_seconds=600, outcome="refused", message=FREE_TIER),)),
        "queue csd",
        "wrong",
        "AWS refused to launch an instance 10 min ago: the account is on AWS's Free plan",
        "paid plan",
    ),
    (
        facts_with(launches=(Launch(environment="e", age_seconds=7200, outcome="refused", message=FREE_TIER),)),
        "queue csd",
        "fine",
        "enabled and valid",
        "",
    ),
    (
        facts_with(launches=NotVisible("autoscaling:DescribeScalingActivities", "is not permitted")),
        "queue csd",
        "warning",
        "Could not be looked at: autoscaling:DescribeScalingActivities is not permitted.",
        "",
    ),
]


@pytest.mark.parametrize(("changes", "topic", "level", "what", "hint"), RULES)
def test_rules(changes: dict[str, Any], topic: str, level: str, what: str, hint: str) -> None:
    (line,) = [line for line in doctor_lines(**changes) if line.topic == topic]
    assert line.level == level
    assert what in line.what
    assert hint in line.hint
    assert bool(line.hint) or line.level == "fine" or "ould not be looked at" in line.what


LOGINS = [
    ({"minutes_left": None}, "fine", "user/ada (account 123456789012)"),
    ({"minutes_left": 125}, "fine", "ends in 2 h 05 min"),
    ({"minutes_left": 9}, "warning", "ends in 9 min"),
    ({"arn": "arn:aws:iam::1:root"}, "warning", "root"),
]


@pytest.mark.parametrize(("changes", "level", "what"), LOGINS)
def test_who_and_until_when(changes: dict[str, Any], level: str, what: str) -> None:
    (line,) = [line for line in doctor_lines(login=dataclasses.replace(ADA, **changes)) if line.topic == "AWS login"]
    assert (line.level, bool(line.hint)) == (level, level == "warning")
    assert what in line.what


CLOCKS = [
    *((0.0, "fine", "2 s"), (-59.0, "fine", "59 s"), (80.0, "warning", "80 s ahead of")),
    *(
        (-100.0, "warning", "2 minutes behind"),
        (3600.0, "wrong", "60 minutes ahead"),
        (None, "warning", "did not tell"),
    ),
]


@pytest.mark.parametrize(("seconds", "level", "what"), CLOCKS)
def test_the_clock(seconds: float | None, level: str, what: str) -> None:
    (line,) = [
        line for line in doctor_lines(login=dataclasses.replace(ADA, skew_seconds=seconds)) if line.topic == "clock"
    ]
    assert line.level == level
    assert what in line.what


def test_permissions_say_what_is_missing_for_what_and_what_only_doing_it_would_tell() -> None:
    permissions = (
        Permission("s3:ListBucket", "run", "allowed"),
        Permission("batch:SubmitJob", "run", "denied"),
        Permission("iam:CreateRole", "up", "denied"),
        Permission("s3:PutObject", "run", "untested"),
    )
    shown = [(line.level, line.what) for line in doctor_lines(permissions=permissions) if line.topic == "permissions"]
    assert shown == [
        ("wrong", "Not permitted: batch:SubmitJob."),
        ("warning", "`up` and `down` are not permitted: iam:CreateRole."),
        ("warning", "Cannot be tried without doing them: s3:PutObject."),
    ]


LOCAL_RULES: list[tuple[dict[str, Any], str, str]] = [
    ({"local_server": None}, "platform", "wrong"),
    ({"lacks_local_parts": LACKING}, "local parts", "wrong"),
    ({"loopback": Problem("No IPv4.", code=ErrorCode.BUG)}, "loopback", "wrong"),
    ({"engine": None}, "containers", "fine"),
    ({"disk": Disk("/h", GB)}, "disk", "warning"),
    ({"login": NotVisible("sts", "is late")}, "AWS login", "warning"),
]


@pytest.mark.parametrize(("changes", "topic", "level"), LOCAL_RULES)
def test_rules_on_this_machine(changes: dict[str, Any], topic: str, level: str) -> None:
    (line,) = [line for line in doctor_lines(ON_THIS_MACHINE, **changes) if line.topic == topic]
    assert line.level == level
    assert "quota" not in [line.topic for line in doctor_lines(ON_THIS_MACHINE, **changes)]


def test_a_full_queue_and_a_used_up_quota_are_no_trouble() -> None:
    busy = facts_with(vcpus_in_use=2000, is_local=False)
    assert {line.level for line in doctor_lines(**busy)} == {"fine"}


def test_first_use_is_nothing_up_and_nobody_logged_in() -> None:
    assert dataclasses.replace(WELL, platform=None, login=NO_LOGIN).is_first_use
    assert not dataclasses.replace(WELL, platform=None).is_first_use
    assert not ON_THIS_MACHINE.is_first_use


def test_a_damaged_state_of_terraforms_is_wrong() -> None:
    damaged = Problem("The state x is damaged.", "`mv x y`", code=ErrorCode.STATE_UNUSABLE)
    checkup = dataclasses.replace(WELL, damaged_states=(damaged,))
    assert Line("Terraform", "wrong", damaged.what, damaged.hint) in list(lines(checkup))


def test_prices_that_may_be_wrong_are_a_warning_with_what_to_do() -> None:
    warning = old_table_note(date(2036, 1, 1))
    (line,) = [line for line in doctor_lines(price_warning=warning) if line.topic == "prices"]
    assert line.level == "warning"
    assert "more than half a year old" in line.what and "pricing:GetProducts" in line.hint
    slow = NotVisible("pricing:GetProducts", "did not answer within 8 s")
    assert [line.level for line in doctor_lines(price_warning=slow) if line.topic == "prices"] == []


@pytest.mark.parametrize(
    ("spend", "level", "what"),
    [
        (MonthSpend(200.0, 63.2), "fine", "$63.20 of $200.00 this month"),
        (MonthSpend(200.0, 0.0), "fine", "opsctl:platform"),
        (MonthSpend(200.0, 200.0), "warning", "$200.00 of $200.00"),
        ("gone", "warning", "gone"),
        (Problem("No.", code=ErrorCode.AWS_DENIED), "fine", "budgets:ViewBudget"),
        (Problem("Too often.", code=ErrorCode.AWS_THROTTLED), "warning", "Too often."),
    ],
)
def test_what_aws_has_counted_of_the_monthly_budget(spend: Any, level: str, what: str) -> None:
    (line,) = (line for line in doctor_lines(month_spend=spend) if line.topic == "budget")
    assert line.level == level
    assert what in line.what
