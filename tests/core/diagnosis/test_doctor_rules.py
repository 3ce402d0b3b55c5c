"""Each rule of `doctor`: one fact changed, one line."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from support.doctor_examples import ENVIRONMENT, GB, LACKING, LATE, NO_LOGIN, QUEUE, account, doctor_lines, facts_with
from support.launch_messages import FREE_TIER

from opsctl.core.diagnosis.doctor_facts import (
    Disk,
    EngineVersion,
    Provider,
    Terminal,
    TerraformVersion,
)
from opsctl.core.diagnosis.job_definition import JobDefinition
from opsctl.core.diagnosis.queue_snapshot import ON_DEMAND_QUOTA, SPOT_QUOTA, Launch, NotVisible, Quota
from opsctl.core.errors import ErrorCode, Problem

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
