"""The rules of `doctor`: from facts to lines."""

from __future__ import annotations

import dataclasses
from datetime import date
from typing import Any

import pytest
from support.doctor_examples import (
    ADA,
    ENVIRONMENT,
    GB,
    LACKING,
    NO_LOGIN,
    ON_THIS_MACHINE,
    WELL,
    doctor_lines,
    facts_with,
)

from opsctl.core.costs.prices import old_table_note
from opsctl.core.diagnosis.doctor import lines
from opsctl.core.diagnosis.doctor_facts import (
    Disk,
    EngineVersion,
    Permission,
    TerraformVersion,
)
from opsctl.core.diagnosis.doctor_line import Line
from opsctl.core.diagnosis.queue_snapshot import NotVisible
from opsctl.core.errors import ErrorCode, Problem
from opsctl.core.platform.monthly_budget import MonthSpend


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
