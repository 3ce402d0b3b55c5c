"""What the account allows, and what IAM denies: what is asked exactly, and what becomes of a refused answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.parsers import ResponseParserError
from botocore.stub import Stubber
from support.example_platform import platform

from opsctl.aws.account import account_plan, vcpu_quota, volume_quota
from opsctl.aws.clients import Clients
from opsctl.aws.identity import denied_actions
from opsctl.aws.refusals import DENIED
from opsctl.core.diagnosis.account.account import AccountPlan, VolumeQuota
from opsctl.core.diagnosis.queue_snapshot import NotVisible, Quota

PLAN = {"accountId": "123456789012", "accountPlanType": "FREE", "accountPlanStatus": "ACTIVE"}
ARN = "arn:aws:iam::123456789012:user/ada"


@pytest.fixture
def clients() -> Clients:
    return Clients(endpoint_url="http://127.0.0.1:1", region="eu-central-1")


def test_the_plan_is_asked_where_aws_serves_it(clients: Clients) -> None:
    with Stubber(clients.freetier) as stub:
        stub.add_response("get_account_plan_state", PLAN, {})
        plan = account_plan(clients)
    assert clients.freetier.meta.region_name == "us-east-1"
    assert plan == AccountPlan("FREE", "ACTIVE")
    assert plan.is_restricted and not AccountPlan("PAID", "ACTIVE").is_restricted


@pytest.mark.parametrize(
    ("code", "why"),
    [*((code, "is not permitted") for code in sorted(DENIED)), ("ResourceNotFoundException", "knows no plan")],
)
def test_a_plan_that_is_not_told_is_not_visible(clients: Clients, code: str, why: str) -> None:
    with Stubber(clients.freetier) as stub:
        stub.add_client_error("get_account_plan_state", code)
        plan = account_plan(clients)
    assert isinstance(plan, NotVisible)
    assert plan.action == "freetier:GetAccountPlanState" and why in plan.why


@pytest.mark.parametrize("region", ["cn-north-1", "us-gov-west-1"])
def test_partitions_without_plans_are_not_asked(region: str) -> None:
    assert account_plan(Clients(endpoint_url="http://127.0.0.1:1", region=region)) is None


QUOTAS: list[tuple[Callable[[Clients], Any], str, str, Any]] = [
    (lambda clients: vcpu_quota(clients, is_spot=False), "ec2", "L-1216C47A", Quota("L-1216C47A", 32)),
    (lambda clients: vcpu_quota(clients, is_spot=True), "ec2", "L-34B43A08", Quota("L-34B43A08", 32)),
    (volume_quota, "ebs", "L-7A658B76", VolumeQuota("L-7A658B76", 32.0)),
]


@pytest.mark.parametrize(("ask", "service", "code", "quota"), QUOTAS)
def test_each_quota_has_its_code(
    clients: Clients, ask: Callable[[Clients], Any], service: str, code: str, quota: Any
) -> None:
    with Stubber(clients.service_quotas) as stub:
        stub.add_response("get_service_quota", {"Quota": {"Value": 32.0}}, {"ServiceCode": service, "QuotaCode": code})
        assert ask(clients) == quota
        stub.add_client_error("get_service_quota", "AccessDeniedException")
        assert ask(clients) == NotVisible("servicequotas:GetServiceQuota", "is not permitted")


def decisions(*denied: str) -> Callable[..., dict[str, Any]]:
    """IAM's simulation, in which some actions are denied."""

    def simulate(*, ActionNames: list[str], **_: Any) -> dict[str, Any]:
        results = [
            {"EvalActionName": name, "EvalDecision": "implicitDeny" if name in denied else "allowed"}
            for name in ActionNames
        ]
        return {"EvaluationResults": results}

    return simulate


@pytest.fixture
def ada(clients: Clients, monkeypatch: pytest.MonkeyPatch) -> Clients:
    monkeypatch.setattr(clients.sts, "get_caller_identity", lambda: {"Arn": ARN, "Account": "123456789012"})
    return clients


def test_a_run_asks_only_for_what_would_be_refused_after_its_question(
    ada: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    simulate = decisions("batch:SubmitJob", "logs:FilterLogEvents")
    monkeypatch.setattr(ada.iam, "simulate_principal_policy", lambda **more: asked.append(more) or simulate(**more))
    assert denied_actions(ada, platform(), name="m2g") == ("batch:SubmitJob",)
    assert {name for request in asked for name in request["ActionNames"]} == {
        *("s3:GetObject", "s3:PutObject", "batch:SubmitJob")
    }
    assert {request["PolicySourceArn"] for request in asked} == {ARN}


def test_up_asks_for_what_makes_a_platform(ada: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ada.iam, "simulate_principal_policy", decisions("iam:PassRole", "ec2:CreateVpc"))
    monkeypatch.setattr(ada.ec2, "create_vpc", lambda **_: pytest.fail("nothing is tried"))
    assert denied_actions(ada, None, name="m2g") == ("iam:PassRole", "ec2:CreateVpc")


def test_who_may_not_simulate_is_told_nothing(ada: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    with Stubber(ada.iam) as stub:
        stub.add_client_error("simulate_principal_policy", "AccessDenied")
        assert denied_actions(ada, platform(), name="m2g") == ()

    def no_iam(**_: Any) -> None:
        raise ResponseParserError("a page of HTML")

    monkeypatch.setattr(ada.iam, "simulate_principal_policy", no_iam)
    assert denied_actions(ada, platform(), name="m2g") == ()
