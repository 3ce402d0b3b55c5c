"""The looks of `run` while it reads the dataset: side by side, within a time limit, and none on the local platform."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from support.example_platform import platform

from opsctl.aws.clients import Clients
from opsctl.commands.diagnosis import account_look
from opsctl.commands.diagnosis.account_look import start_run_facts
from opsctl.core.diagnosis.account.account import AccountPlan, VolumeQuota
from opsctl.core.diagnosis.account.obstacles import RunFacts, run_notes, run_obstacles
from opsctl.core.diagnosis.job_definition import JobDefinition
from opsctl.core.diagnosis.queue_snapshot import Image, NotVisible, Quota

DEFINITIONS = {"csd": JobDefinition(name="d:3", is_active=True, image="i")}
ANSWERS: dict[str, Any] = {
    "find_image": Image("repo:0.1.0", True, digest="sha256:ab"),
    "definitions_of": DEFINITIONS,
    "account_plan": AccountPlan("PAID", "ACTIVE"),
    "volume_quota": VolumeQuota("L-7A658B76", 50.0),
    "denied_actions": ("batch:SubmitJob",),
}


@pytest.fixture
def clients() -> Clients:
    return Clients(endpoint_url="http://127.0.0.1:1", region="us-east-1")


@pytest.fixture
def answered(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, answer in ANSWERS.items():
        monkeypatch.setattr(account_look, name, lambda *_, _answer=answer, **__: _answer)
    quotas = {True: Quota("L-34B43A08", 8), False: Quota("L-1216C47A", 32)}
    monkeypatch.setattr(account_look, "vcpu_quota", lambda _, *, is_spot: quotas[is_spot])


def test_every_fact_is_asked_for(clients: Clients, answered: None) -> None:
    facts = start_run_facts(clients, platform(), seconds=60)()
    assert (facts.image, facts.definitions, facts.denied) == (
        *(ANSWERS["find_image"], DEFINITIONS, ("batch:SubmitJob",)),
    )
    assert facts.account is not None
    assert (facts.account.plan, facts.account.volumes) == (ANSWERS["account_plan"], ANSWERS["volume_quota"])
    assert facts.account.quotas == (Quota("L-1216C47A", 32),)


@pytest.mark.parametrize(
    ("options", "kinds"),
    [
        ({"spot": True}, ["Spot"]),
        ({"spot": True, "spot_fallback": True}, ["Spot", "on-demand"]),
        ({"spot_fallback": True}, ["on-demand"]),
    ],
)
def test_the_quotas_are_those_that_the_instances_count_against(
    clients: Clients, answered: None, options: dict[str, bool], kinds: list[str]
) -> None:
    account: Any = start_run_facts(clients, platform(**options), seconds=60)().account
    assert [quota.kind for quota in account.quotas] == kinds


def test_what_does_not_answer_in_time_is_not_visible_and_refuses_nothing(
    clients: Clients, answered: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    never = threading.Event()
    for name in (*ANSWERS, "vcpu_quota"):
        monkeypatch.setattr(account_look, name, lambda *_, **__: never.wait())
    facts = start_run_facts(clients, platform(), seconds=0.05)()
    never.set()
    late = NotVisible("ecr:DescribeImages", "did not answer within 0.05 s")
    assert (facts.image, facts.denied) == (late, ())
    assert run_obstacles(facts, platform(), model="csd") == []
    assert run_notes(facts, platform(), model="csd", scan_count=300) == [
        f"Whether the jobs' image is on ECR {late.sentence}."
    ]


def test_the_local_platform_is_not_asked(clients: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*ANSWERS, "vcpu_quota"):
        monkeypatch.setattr(account_look, name, lambda *_, **__: pytest.fail("asked"))
    assert start_run_facts(clients, platform(endpoint_url="http://127.0.0.1:1"))() == RunFacts()
