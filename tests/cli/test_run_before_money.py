"""`run` before its question: it refuses what AWS would not let run, and a dry run only says so."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from support.batch_world import RATES, BatchWorld
from support.moto_s3 import s3, s3_client, storage, whole_storage  # noqa: F401 fixtures
from support.run_world import PLATFORM, put_dataset, request

from opsctl.aws.s3.storage import Storage
from opsctl.cli.run_wiring import RunWiring
from opsctl.core.costs.estimate import Estimate
from opsctl.core.costs.reserve import Reserve
from opsctl.core.diagnosis.account.account import Account, AccountPlan, VolumeQuota
from opsctl.core.diagnosis.account.obstacles import RunFacts
from opsctl.core.diagnosis.job_definition import JobDefinition
from opsctl.core.diagnosis.queue_snapshot import Image, Quota
from opsctl.home import Home

Opsctl = Callable[..., Any]

ACTIVE = {"csd": JobDefinition(name="d:3", is_active=True, image="i")}


def account(vcpus: int, plan: str = "PAID") -> Account:
    return Account(
        plan=AccountPlan(plan, "ACTIVE"),
        quotas=(Quota("L-1216C47A", vcpus),),
        volumes=VolumeQuota("L-7A658B76", 50.0),
    )


WELL = RunFacts(
    image=Image(PLATFORM.image, True, digest="sha256:" + "a" * 64), definitions=ACTIVE, account=account(4000)
)


@pytest.fixture
def typed(storage: Storage, home: Path, opsctl: Opsctl, monkeypatch: pytest.MonkeyPatch) -> Opsctl:  # noqa: F811
    """Type `opsctl run` in an account of which AWS says this."""
    put_dataset(storage.client, *(f"sub-{number:02d}" for number in range(5)))
    Home(home).keep(PLATFORM)
    batch = BatchWorld({})
    monkeypatch.setattr("opsctl.cli.context.storage_of", lambda _: storage)
    monkeypatch.setattr("opsctl.cli.context.batch_of", lambda _: batch.adapter)
    monkeypatch.setattr("opsctl.aws.pricing.rates", lambda *_, **__: RATES)

    def type_run(facts: RunFacts, *words: str) -> Any:
        monkeypatch.setattr("opsctl.commands.diagnosis.account_look.start_run_facts", lambda *_: lambda: facts)
        said = opsctl("run", "HNU1", "--sp", "native", "--model", "csd", *words)
        return said, " ".join(said.err.split())

    return type_run


def written(storage: Storage) -> list[str]:  # noqa: F811
    reply = storage.client.list_objects_v2(Bucket="data", Prefix="opsctl/")
    return [entry["Key"] for entry in reply.get("Contents", [])]


REFUSED = {
    "image_not_found": RunFacts(image=Image(PLATFORM.image, False)),
    "aws_not_found": RunFacts(definitions={"csd": None}),
    "account_restricted": RunFacts(account=account(4000, "FREE")),
    "aws_quota_reached": RunFacts(account=account(1)),
}


@pytest.mark.parametrize("code", REFUSED)
def test_what_could_not_run_is_refused_before_the_question(
    typed: Opsctl,
    storage: Storage,  # noqa: F811
    code: str,
) -> None:
    said, message = typed(REFUSED[code], "--yes", "--json")
    error = json.loads(said.out)["error"]
    assert (said.code, error["code"]) == (1, code)
    assert "Submit 5 jobs?" not in message
    assert written(storage) == []


def test_all_that_stands_in_the_way_is_told_at_once(typed: Opsctl) -> None:
    facts = RunFacts(image=Image(PLATFORM.image, False), account=account(1, "FREE"))
    said, message = typed(facts, "--yes", "--json")
    assert json.loads(said.out)["error"]["code"] == "image_not_found"
    assert "on the Free plan" in message and "may run 1 on-demand vCPUs" in message


@pytest.mark.parametrize("code", REFUSED)
def test_a_dry_run_says_it_and_shows_the_rest(typed: Opsctl, code: str) -> None:
    said, message = typed(REFUSED[code], "--dry-run", "--json")
    assert said.code == 0
    value = json.loads(said.out)
    assert [obstacle["code"] for obstacle in value["obstacles"]] == [code]
    assert len(value["requests"]) == 1
    assert value["obstacles"][0]["message"].split(":")[0] in message


def test_a_small_quota_makes_the_run_longer_and_says_so(typed: Opsctl) -> None:
    _, message = typed(RunFacts(account=account(5)), "--dry-run", "--json")
    assert "about 3 h 15 min on AWS, 2 scans at once" in message
    assert "The account may run 5 on-demand vCPUs: 2 of 5 scans run at once." in message
    _, message = typed(WELL, "--dry-run", "--json")
    assert "about 1 h 05 min on AWS " in message and "at once" not in message


def test_the_images_digest_is_in_the_scans_records(typed: Opsctl) -> None:
    said, _ = typed(WELL, "--dry-run", "--json")
    assert {scan["image_digest"] for scan in json.loads(said.out)["scans"]} == {"sha256:" + "a" * 64}


def test_a_budget_counts_on_what_the_quota_lets_run_at_once() -> None:
    context: Any = SimpleNamespace(platform=PLATFORM, screen=None)
    wiring = RunWiring(context, request(max_spend_usd=1000.0))
    estimate = Estimate(usd=0.0, usd_per_scan=0.1, wall_hours=1.0, basis="")

    def portion(facts: RunFacts) -> int:
        """Half of what runs at once."""
        wiring.__dict__["_facts"] = facts
        wiring.__dict__["_reserve"] = Reserve(hours=1.0, usd_per_hour=0.1, attempts=5, timeout_hours=6.0)
        return wiring._budget(1000.0, estimate).portion

    assert [portion(facts) for facts in (RunFacts(), RunFacts(account=account(8)))] == [128, 2]
