"""A machine and a platform that `doctor` finds nothing wrong with."""

from __future__ import annotations

import dataclasses
from typing import Any

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
from opsctl.core.diagnosis.queue_snapshot import ON_DEMAND_QUOTA, NotVisible, Quota
from opsctl.core.errors import ErrorCode, Problem
from support.example_platform import platform
from support.why_examples import HEALTHY

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

QUEUE: Any = HEALTHY.queue
ENVIRONMENT: Any = HEALTHY.environments[0]  # type: ignore[index]


def doctor_lines(base: Checkup = WELL, **changes: Any) -> list[Line]:
    return lines(dataclasses.replace(base, **changes))


def facts_with(**changes: Any) -> dict[str, Any]:
    return {"facts": {"csd": dataclasses.replace(WELL.facts["csd"], **changes)}}  # type: ignore[type-var]
