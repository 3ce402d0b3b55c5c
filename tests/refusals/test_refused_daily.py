"""AWS refuses `run`, `why`, `status`, `logs`, `cancel`, `results` and `doctor`: what the user then sees.

Each screen is recorded in `screens/`, whole; `OPSCTL_KEEP_SCREENS=1` records them again.
"""

from __future__ import annotations

from typing import Any

import aws_texts as aws
import pytest
from aws_account import GP3, ON_DEMAND, account_plan, launches, quota, usual_account
from aws_platform import ENVIRONMENT, AwsPlatform
from support.aws_protocol import AwsError
from support.aws_refusals import ALWAYS, Answer, Refusal, Rewrite, Rule

from opsctl.commands.diagnosis.doctor import doctor

QUEUE = "arn:aws:batch:us-east-1:123456789012:job-queue/q"


def refused(service: str, operation: str, error: AwsError) -> Rule:
    return Refusal(service, operation, times=ALWAYS, error=error)


def invalid(reason: str) -> Rule:
    """Every compute environment is INVALID."""

    def change(document: Any) -> Any:
        for environment in document["computeEnvironments"]:
            environment.update(status="INVALID", statusReason=reason)
        return document

    return Rewrite("batch", "DescribeComputeEnvironments", times=ALWAYS, change=change)


IMAGE_MISSING = refused("ecr", "DescribeImages", aws.IMAGE_MISSING)
REPOSITORY_MISSING = refused("ecr", "DescribeImages", aws.REPOSITORY_MISSING)
NO_LOG_GROUP = Answer("logs", "DescribeLogGroups", times=ALWAYS, document={"logGroups": []})
FORGOTTEN = Answer("batch", "DescribeJobs", times=ALWAYS, document={"jobs": []})

#: Scenario, what AWS answers, the exit code.
RUN: list[tuple[str, tuple[Rule, ...], int]] = [
    ("image-missing", (IMAGE_MISSING,), 1),
    ("repository-missing", (REPOSITORY_MISSING,), 1),
    ("free-plan", (account_plan("FREE"),), 1),
    ("quota-too-small", (quota(ON_DEMAND, 1.0),), 1),
    ("expired", (refused("s3", "ListObjectsV2", aws.EXPIRED_S3),), 1),
    ("key-denied", (refused("s3", "PutObject", aws.KEY_DENIED_TO_WRITE),), 1),
    ("key-disabled", (refused("s3", "PutObject", aws.KEY_DISABLED),), 1),
    ("not-subscribed", (refused("batch", "*", aws.NOT_SUBSCRIBED),), 1),
    ("submission-denied", (refused("batch", "SubmitJob", aws.denied("batch:SubmitJob", QUEUE, status=403)),), 1),
    ("definition-gone", (refused("batch", "SubmitJob", aws.DEFINITION_INACTIVE),), 1),
]


@pytest.mark.parametrize(("scenario", "rules", "code"), RUN, ids=[scenario for scenario, *_ in RUN])
def test_run(waiting: AwsPlatform, scenario: str, rules: tuple[Rule, ...], code: int) -> None:
    # An output location of its own, so that nothing that is done or in flight elsewhere counts.
    before = waiting.submissions()
    waiting.screen(scenario, "run", "HNU1", "--modif", scenario, "--yes", rules=rules, code=code)
    assert waiting.submissions() == before


SUBMITTED: list[tuple[str, tuple[Rule, ...]]] = [
    ("quota-for-two", (quota(ON_DEMAND, 4.0),)),
    ("disks-for-one", (quota(GP3, 0.1),)),
    ("everything-hidden", tuple(
        refused(service, "*", aws.denied(action, "*", status=status))
        for service, action, status in (
            ("ecr", "ecr:DescribeImages", 400),
            ("freetier", "freetier:GetAccountPlanState", 400),
            ("servicequotas", "servicequotas:GetServiceQuota", 400),
        )
    )),
]  # fmt: skip


@pytest.mark.parametrize(("scenario", "rules"), SUBMITTED, ids=[scenario for scenario, _ in SUBMITTED])
def test_run_tells_what_slows_it_down(waiting: AwsPlatform, scenario: str, rules: tuple[Rule, ...]) -> None:
    before = waiting.submissions()
    waiting.screen(scenario, "run", "HNU1", "--modif", scenario, "--yes", rules=rules, code=0)
    assert waiting.submissions() == before + 1


def test_run_waits_out_what_passes(waiting: AwsPlatform) -> None:
    passing = tuple(Refusal(service, "*") for service in ("s3", "batch", "ecr"))
    before = waiting.submissions()
    waiting.screen("throttled-for-a-moment", "run", "HNU1", "--modif", "throttled", "--yes", rules=passing, code=0)
    assert waiting.submissions() == before + 1


WHY: list[tuple[str, tuple[Rule, ...]]] = [
    ("nothing-known", ()),
    ("role-not-assumed", (invalid(aws.ROLE_NOT_ASSUMED),)),
    ("role-without-policy", (invalid(aws.ROLE_WITHOUT_POLICY),)),
    ("launch-free-plan", launches(ENVIRONMENT, aws.NOT_IN_FREE_PLAN)),
    ("launch-quota", launches(ENVIRONMENT, aws.VCPU_LIMIT)),
    ("launch-capacity", launches(ENVIRONMENT, aws.NO_CAPACITY)),
    ("launch-key", launches(ENVIRONMENT, aws.KEY_AT_LAUNCH)),
    ("launch-unverified", launches(ENVIRONMENT, aws.BEING_VERIFIED.message)),
    ("launches-hidden", (refused("autoscaling", "*", aws.LAUNCHES_DENIED),)),
    ("free-plan", (account_plan("FREE"),)),
    ("quota-too-small", (quota(ON_DEMAND, 1.0),)),
    ("image-missing", (IMAGE_MISSING,)),
    ("repository-missing", (REPOSITORY_MISSING,)),
    ("log-group-gone", (NO_LOG_GROUP,)),
    ("throttled-for-a-moment", (Refusal("ec2", "*"), Refusal("batch", "*"), Refusal("autoscaling", "*"))),
    ("much-hidden", (
        refused("batch", "DescribeComputeEnvironments", aws.ENVIRONMENTS_DENIED),
        refused("ec2", "*", aws.INSTANCES_DENIED),
    )),
]  # fmt: skip


@pytest.mark.parametrize(("scenario", "rules"), WHY, ids=[scenario for scenario, _ in WHY])
def test_why(waiting: AwsPlatform, scenario: str, rules: tuple[Rule, ...]) -> None:
    waiting.screen(scenario, "why", "--run", waiting.run_id, rules=rules, code=0)


STATUS: list[tuple[str, tuple[Rule, ...], int]] = [
    ("expired", (refused("s3", "*", aws.EXPIRED_S3),), 1),
    ("jobs-forgotten", (FORGOTTEN,), 0),
]


@pytest.mark.parametrize(("scenario", "rules", "code"), STATUS, ids=[scenario for scenario, *_ in STATUS])
def test_status(waiting: AwsPlatform, scenario: str, rules: tuple[Rule, ...], code: int) -> None:
    waiting.screen(scenario, "status", "--run", waiting.run_id, rules=rules, code=code)


DOCTOR: list[tuple[str, tuple[Rule, ...]]] = [
    ("free-plan", (account_plan("FREE"),)),
    ("quota-too-small", (quota(ON_DEMAND, 1.0),)),
    ("image-missing", (IMAGE_MISSING,)),
    ("role-without-policy", (invalid(aws.ROLE_WITHOUT_POLICY),)),
]


@pytest.mark.parametrize(("scenario", "rules"), DOCTOR, ids=[scenario for scenario, _ in DOCTOR])
def test_doctor(waiting: AwsPlatform, monkeypatch: pytest.MonkeyPatch, scenario: str, rules: tuple[Rule, ...]) -> None:
    # A busy machine is not to be told from a slow AWS.
    monkeypatch.setitem(doctor.__kwdefaults__, "seconds", 120.0)
    waiting.screen(scenario, "doctor", rules=rules, code=1)


def test_cancel(waiting: AwsPlatform) -> None:
    # A run of its own: the question to cancel it is recorded.
    waiting.submit("--modif", "cancelled")
    rules = (refused("batch", "TerminateJob", aws.END_DENIED),)
    waiting.screen("denied", "cancel", "--run", waiting.last_run_id, "--yes", rules=rules, code=1)


def no_events(document: Any) -> Any:
    return {**document, "events": []}


#: What a client sees of CloudWatch Logs while it is behind, for so many calls.
def behind(calls: int) -> Rule:
    return Rewrite("logs", "FilterLogEvents", times=calls, change=no_events)


LOGS: list[tuple[str, tuple[str, ...], tuple[Rule, ...], int]] = [
    ("log-group-gone", (), (refused("logs", "FilterLogEvents", aws.LOG_GROUP_MISSING),), 1),
    ("denied", (), (refused("logs", "FilterLogEvents", aws.LOGS_DENIED),), 1),
    ("behind", (), (behind(ALWAYS),), 0),
]


@pytest.mark.parametrize(("scenario", "words", "rules", "code"), LOGS, ids=[scenario for scenario, *_ in LOGS])
def test_logs(ended: AwsPlatform, scenario: str, words: tuple[str, ...], rules: tuple[Rule, ...], code: int) -> None:
    ended.screen(scenario, "logs", *words, rules=rules, code=code)


def test_lines_that_come_half_a_minute_late_are_followed(ended: AwsPlatform, monkeypatch: pytest.MonkeyPatch) -> None:
    # No time passes: a poll stands for a second.
    monkeypatch.setattr("opsctl.cli.verbs.logs._POLL_SECONDS", 0.0)
    with ended.aws.playing(behind(30)):
        code, text = ended.run("logs", "--follow")
    assert code == 1
    assert text.count("│ tracking") == 2
    assert text.count("│ opsctl: exit code") == 3


SELFTEST: list[tuple[str, tuple[Rule, ...]]] = [
    ("image-missing", (IMAGE_MISSING,)),
    ("free-plan", (account_plan("FREE"),)),
    ("quota-too-small", (quota(ON_DEMAND, 1.0),)),
    ("submission-denied", (refused("batch", "SubmitJob", aws.denied("batch:SubmitJob", QUEUE, status=403)),)),
    ("key-denied", (refused("s3", "PutObject", aws.KEY_DENIED_TO_WRITE),)),
    ("expired", (refused("s3", "*", aws.EXPIRED_S3),)),
]


@pytest.mark.parametrize(("scenario", "rules"), SELFTEST, ids=[scenario for scenario, _ in SELFTEST])
def test_selftest(ended: AwsPlatform, scenario: str, rules: tuple[Rule, ...]) -> None:
    ended.screen(scenario, "selftest", "--timeout", "1", rules=rules, code=1)


def test_a_self_test_without_a_log_group(ended: AwsPlatform) -> None:
    """Its jobs run on this machine, so the rows on the image's contents say what is installed here."""
    with ended.aws.playing(refused("logs", "FilterLogEvents", aws.LOG_GROUP_MISSING), *usual_account(ENVIRONMENT)):
        code, text = ended.run("selftest", "--timeout", "1")
    assert code == 1
    assert "log line       The log group /opsctl/test is not there." in text
    assert "`opsctl doctor` says whether the log group is there" in text


def test_results_of_an_encrypted_bucket(ended: AwsPlatform) -> None:
    rules = (refused("s3", "GetObject", aws.KEY_DENIED),)
    ended.screen("key-denied", "results", "results", rules=rules, code=1)
