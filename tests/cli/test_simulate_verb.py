"""`simulate` and `run --simulate`: what they print, and that they submit nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.batch_world import RATES, BatchWorld
from support.moto_s3 import s3, s3_client, storage, whole_storage  # noqa: F401 fixtures
from support.run_world import PLATFORM, put_dataset

from opsctl.aws.s3.storage import Storage
from opsctl.core.diagnosis.account.account import Account, VolumeQuota
from opsctl.core.diagnosis.account.obstacles import RunFacts, run_notes
from opsctl.core.diagnosis.queue_snapshot import Quota
from opsctl.home import Home

Opsctl = Callable[..., Any]


def facts(vcpus: int) -> RunFacts:
    quotas = (Quota("L-1216C47A", vcpus),)
    return RunFacts(account=Account(plan=None, quotas=quotas, volumes=VolumeQuota("L-7A658B76", 5000.0)))


@pytest.fixture
def typed_run(storage: Storage, home: Path, opsctl: Opsctl, monkeypatch: pytest.MonkeyPatch) -> Opsctl:  # noqa: F811
    """Type `opsctl run` on a dataset of five scans, in an account with a quota of 32 vCPUs."""
    put_dataset(storage.client, *(f"sub-{number:02d}" for number in range(5)))
    Home(home).keep(PLATFORM)
    batch = BatchWorld({})
    monkeypatch.setattr("opsctl.cli.context.storage_of", lambda _: storage)
    monkeypatch.setattr("opsctl.cli.context.batch_of", lambda _: batch.adapter)
    monkeypatch.setattr("opsctl.aws.pricing.rates", lambda *_, **__: RATES)
    monkeypatch.setattr("opsctl.commands.diagnosis.account_look.start_run_facts", lambda *_: lambda: facts(32))
    return lambda *words: opsctl("run", "HNU1", "--sp", "native", "--model", "csd", *words)


def test_in_a_pipe_there_is_nothing_but_the_table(opsctl: Opsctl) -> None:
    said = opsctl("simulate", "--scans", "30", "--spot")
    assert said.code == 0
    assert [line.split()[0] for line in said.out.splitlines()] == [
        "P10",
        *("finish", "bill", "instances", "taken", "scans"),
    ]
    assert "30 csd scans in us-east-1: r5.large Spot, 1 scan on each, all at once." in said.err
    assert "Assumptions" not in said.err


@pytest.mark.parametrize("words", [("simulate", "--scans", "3"), ("size", "--instances")], ids=" ".join)
def test_prices_of_an_old_table_are_warned_of(
    words: tuple[str, ...], opsctl: Opsctl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("opsctl.core.costs.prices.TABLE_DATE", "2025-12")
    assert "! The prices are of 2025-12, more than half a year old." in opsctl(*words).err
    monkeypatch.setattr("opsctl.core.costs.prices.TABLE_DATE", "2125-12")
    assert "half a year" not in opsctl(*words).err


def test_with_verbose_every_assumption_is_shown_with_its_source(opsctl: Opsctl) -> None:
    said = opsctl("simulate", "--scans", "3", "-v")
    assert "Assumptions:" in said.err and "the m2g guide's figure" in said.err
    document = json.loads(opsctl("simulate", "--scans", "3", "--json").out)
    for assumption in document["assumptions"]:
        assert assumption["value"] in said.err and assumption["source"] in said.err


def test_the_document_has_the_band_and_is_the_same_each_time(opsctl: Opsctl) -> None:
    words = ("simulate", "--scans", "20", "--spot", "--pack", "2", "--quota", "8", "--json")
    said, again = opsctl(*words), opsctl(*words)
    document = json.loads(said.out)
    assert said.out == again.out and document["schema_version"] == 1
    assert document["usd_is"] == "estimated"
    assert (document["pack"], document["slowdown"], document["most_instances"]) == (2, 1.35, 4)
    assert document["finish_hours"]["p10"] <= document["finish_hours"]["p90"]
    parts = document["usd_parts"]
    assert sum(parts.values()) == pytest.approx(document["usd"]["p50"], rel=0.1)
    other = json.loads(opsctl(*words, "--random-seed", "2").out)
    assert other["finish_hours"] != document["finish_hours"]


def test_a_quota_that_makes_it_take_days_is_told(opsctl: Opsctl) -> None:
    said = opsctl("simulate", "--scans", "1000", "--quota", "8")
    assert "! It takes 11 d" in said.err and "because of the quota of 8 vCPUs. Ask AWS for more" in said.err
    assert "! It takes" not in opsctl("simulate", "--scans", "20", "--quota", "8").err


def test_an_unknown_price_makes_a_lower_bound(opsctl: Opsctl) -> None:
    said = opsctl("simulate", "--scans", "3", "--instance", "r9z.large")
    assert "bill, more than" in said.out and "! The price of r9z.large is not known" in said.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "How many scans?"),
        (("--scans", "0"), "must be from 1 to 100000"),
        (("--scans", "9", "--pack", "3"), "an r5.large has 2 vCPUs"),
        (("--scans", "9", "--instance", "m5.large"), "not the name of a memory-optimised"),
        (("--scans", "9", "--quota", "1"), "Not one r5.large fits"),
        (("--scans", "many"), "many"),
        (("--scans", "9", "--pack", "0"), "at least 1"),
        (("--scans", "9", "--quota", "-4"), "at least 1"),
        (("--scans", "9", "--instance", ""), "not the name of a memory-optimised"),
        (("--scans", "9", "--instance", "r5.huge"), "not the name of a memory-optimised"),
        (("--scans", "9", "--instance", "r5.large", "--model", "csa"), "does not hold one csa scan"),
        (("--scans", "9", "--spot", "--reclaims", "7"), "from 0.0 to 1.0"),
        (("--scans", "9", "--on-demand", "--reclaims", "0.2"), "--reclaims is about Spot instances"),
        (("--scans", "9", "--within", "0.5"), "as many instances as the default limit of a platform of 512 vCPUs"),
        (("--scans", "9", "--within", "soon"), "soon"),
    ],
)
def test_what_cannot_be_simulated_is_refused(opsctl: Opsctl, words: tuple[str, ...], message: str) -> None:
    said = opsctl("simulate", *words)
    assert said.code in (1, 2) and message in said.err and not said.out


def test_the_cheapest_number_of_vcpus_that_ends_in_time_is_told_with_its_command(opsctl: Opsctl) -> None:
    words = ("simulate", "--scans", "60", "--spot", "--pack", "2")
    fast, cheap = (json.loads(opsctl(*words, *more, "--json").out) for more in ((), ("--within", "9")))
    assert cheap["finish_hours"]["p50"] <= 9 and cheap["usd"]["p50"] < fast["usd"]["p50"]
    vcpus = 2 * cheap["most_instances"]
    assert f"`opsctl up --set csd_max_vcpus={vcpus}` sets this limit." in opsctl(*words, "--within", "9").err
    assert "With --within HOURS, fewer instances" in opsctl(*words).err
    assert cheap["limit"] == "--within 9 hours"


def test_run_simulate_plays_the_datasets_scans_and_submits_nothing(typed_run: Opsctl, storage: Storage) -> None:  # noqa: F811
    said = typed_run("--simulate", "--json")
    document = json.loads(said.out)
    assert (document["scans"], document["most_instances"]) == (5, 16)
    assert document["limit"] == "the account's quota of 32 on-demand vCPUs"
    assert "Nothing was submitted." in said.err
    assert not storage.client.list_objects_v2(Bucket="data", Prefix="opsctl/").get("Contents")


def test_run_simulate_takes_another_number_of_scans_and_another_account(typed_run: Opsctl) -> None:
    document = json.loads(typed_run("--simulate", "--scans", "40", "--quota", "64", "--json").out)
    assert (document["scans"], document["most_instances"]) == (40, 32)


def test_options_of_a_simulation_are_refused_where_something_is_submitted(typed_run: Opsctl) -> None:
    for words in (["--quota", "3"], ["--on-demand"], ["--scans", "3"]):
        said = typed_run(*words, "--yes")
        assert said.code == 2 and f"{words[0]} is about a simulation." in said.err
    assert "nothing to --follow" in typed_run("--simulate", "--follow").err


def test_run_says_before_its_question_that_a_quota_makes_it_take_days() -> None:
    def notes(wall_hours: float) -> str:
        return " ".join(run_notes(facts(32), PLATFORM, model="csd", scan_count=10_000, wall_hours=wall_hours))

    assert "16 of 10,000 scans run at once, so it takes about 28 d 05 h. Ask AWS for more" in notes(677.1)
    assert "16 of 10,000 scans run at once. Ask AWS for more" in notes(12.0)
