"""The instances of a simulated run: what is chosen, what limits them, and what cannot be."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.core_examples import DOLLAR
from support.example_platform import platform

from opsctl.core.costs.estimate import FinishedScan, Startup, hours_of
from opsctl.core.diagnosis.account.account import Account, VolumeQuota
from opsctl.core.diagnosis.queue_snapshot import NotVisible, Quota
from opsctl.core.errors import Problem, UsageProblem
from opsctl.core.simulation.choice import choose
from opsctl.core.simulation.planned_run import PlannedRun, planned_run
from opsctl.core.simulation.what_if import Place, WhatIf

CSD, CSA = (Place.by_default(model, region="us-east-1") for model in ("csd", "csa"))


def account(*vcpus: int, tib: float = 1000.0) -> Account:
    quotas = tuple(Quota("L-1216C47A", count) for count in vcpus)
    return Account(plan=None, quotas=quotas, volumes=VolumeQuota("L-7A658B76", tib))


def planned(what_if: WhatIf, place: Place = CSD, **hours: object) -> PlannedRun:
    known = replace(hours_of([], kind="dwi csd"), **hours)  # type: ignore[arg-type]
    return planned_run(place, what_if, choose(place, what_if), scan_count=10, hours=known, rates=DOLLAR)


@pytest.mark.parametrize(
    ("place", "what_if", "pack", "slowdown", "most", "disk_gib"),
    [
        (CSD, WhatIf(), 1, 1.0, 256, 100),
        (CSA, WhatIf(), 1, 1.0, 256, 100),
        # Two on an r5.large share its core; two on an r5.xlarge have one each.
        (CSD, WhatIf(pack=2), 2, 1.35, 256, 100),
        (CSD, WhatIf(pack=2, slowdown=1.6), 2, 1.6, 256, 100),
        (CSA, WhatIf(pack=2), 2, 1.0, 256, 100),
        (CSA, WhatIf(pack=3), 3, 1.35, 256, 100),
        # Without --pack, as many as Batch places by the job's memory and vCPUs.
        (CSD, WhatIf(instance="r5.xlarge"), 2, 1.0, 128, 100),
        (CSD, WhatIf(instance="r5.4xlarge"), 8, 1.0, 32, 120),
        (CSD, WhatIf(instance="r5.4xlarge", pack=16), 16, 1.35, 32, 200),
        (CSD, WhatIf(quota=32), 1, 1.0, 16, 100),
        (CSD, WhatIf(quota=33), 1, 1.0, 16, 100),
        (CSD, WhatIf(quota=10_000), 1, 1.0, 256, 100),
    ],
)
def test_what_is_chosen(place: Place, what_if: WhatIf, pack: int, slowdown: float, most: int, disk_gib: int) -> None:
    choice = choose(place, what_if)
    assert (choice.pack, choice.slowdown, choice.most_instances) == (pack, slowdown, most)
    assert choice.root_volume_gib == disk_gib


@pytest.mark.parametrize(
    ("what_if", "words"),
    [
        (WhatIf(instance="m5.large"), "not the name of a memory-optimised"),
        (WhatIf(instance="r5.99xlarge"), "not the name of a memory-optimised"),
        (WhatIf(instance="r5.large; ls"), "not the name of a memory-optimised"),
        (WhatIf(pack=3), "has 2 vCPUs"),
        (WhatIf(slowdown=1.5), "several scans"),
    ],
)
def test_what_cannot_be_is_refused(what_if: WhatIf, words: str) -> None:
    with pytest.raises(UsageProblem, match=words):
        choose(CSD, what_if)


def test_an_instance_that_holds_no_scan_is_refused() -> None:
    with pytest.raises(UsageProblem, match="does not hold one csa scan"):
        choose(CSA, WhatIf(instance="r5.large"))


@pytest.mark.parametrize(
    ("of_account", "most", "limit"),
    [
        (account(64), 32, "the account's quota of 64 on-demand vCPUs"),
        (account(64, 33), 48, "64 on-demand and 33 on-demand"),
        (account(4000), 256, "the platform's limit of 512 vCPUs"),
        (account(4000, tib=1.0), 10, "1 TiB of gp3 disks"),
        (None, 256, "the platform's limit"),
        (Account(plan=None, quotas=(NotVisible("a", "b"),), volumes=NotVisible("a", "b")), 256, "platform's limit"),
    ],
)
def test_the_smallest_limit_counts_and_is_named(of_account: Account | None, most: int, limit: str) -> None:
    choice = choose(Place.of(platform(), "csd", account=of_account), WhatIf())
    assert choice.most_instances == most and limit in choice.limit


def test_a_typed_quota_stands_in_place_of_the_accounts() -> None:
    place = Place.of(platform(), "csd", account=account(64))
    assert choose(place, WhatIf(quota=128)).most_instances == 64


def test_a_quota_that_holds_no_instance_is_a_problem_with_its_remedy() -> None:
    with pytest.raises(Problem, match="fits into the quota of 1 vCPU:") as refused:
        choose(CSD, WhatIf(quota=1))
    assert "Service Quotas" in str(refused.value.hint)


def test_more_quota_never_gives_fewer_instances() -> None:
    most = [choose(CSD, WhatIf(quota=quota)).most_instances for quota in range(2, 700)]
    assert most == sorted(most)


def test_the_platforms_own_options_count() -> None:
    example = replace(platform(spot=True), options={"variables": {"attempts": 2, "zones": ["us-east-1a"]}})
    place = Place.of(example, "csd", account=None)
    run = planned(WhatIf(), place)
    assert (run.setup.fleet.attempts, run.setup.fleet.reclaims.zones) == (2, 1)
    assert run.setup.fleet.reclaims.per_hour == 0.05
    assert not planned(WhatIf(spot=False), place).setup.fleet.reclaims.per_hour
    assert planned(WhatIf(reclaims=0.3), place).setup.fleet.reclaims.per_hour == 0.3


def test_own_scans_and_the_selftest_take_the_place_of_what_is_assumed() -> None:
    finished = tuple(FinishedScan(0.1, hours) for hours in (1.0, 2.0, 3.0, 4.0, 5.0))
    startup = Startup(hours=0.5, measured_on="2026-11-01")
    run = planned(WhatIf(), finished=finished, is_measured=True, startup=startup)
    assert run.setup.times.mean_hours == pytest.approx(3.1) and not run.setup.times.spread
    assert run.setup.fleet.start_hours == 0.5
    sources = " ".join(assumption.source for assumption in run.assumptions)
    assert "the self-test of 2026-11-01" in sources


def test_every_assumption_has_a_source() -> None:
    for run in (planned(WhatIf()), planned(WhatIf(spot=True, pack=2))):
        names = [assumption.name for assumption in run.assumptions]
        assert len(set(names)) == len(names)
        assert all(assumption.value and assumption.source for assumption in run.assumptions)


def test_the_memory_of_a_scan_is_its_share() -> None:
    assert choose(CSD, WhatIf(pack=2)).job_memory_mib == 15_532 // 2
