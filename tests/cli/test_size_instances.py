"""`size --instances` and `run` on a platform with several instance types: what runs cost and take on each."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.batch_world import RATES, BatchWorld
from support.moto_s3 import s3, s3_client, storage, whole_storage  # noqa: F401 fixtures
from support.run_world import PLATFORM, put_dataset
from support.windows import terminal

from opsctl.aws.s3.storage import Storage
from opsctl.commands.sizing.instances import compare_instances
from opsctl.core.costs.estimate import hours_of
from opsctl.core.costs.prices import rates_of
from opsctl.core.diagnosis.account.account import Account, VolumeQuota
from opsctl.core.diagnosis.account.obstacles import RunFacts
from opsctl.core.platform.platform import Platform
from opsctl.core.simulation.choice import Choice
from opsctl.core.simulation.what_if import Place
from opsctl.core.sizing.instance_offer import InstanceComparison, compared_types, scan_counts_with
from opsctl.home import Home
from opsctl.render.instances import next_commands, show_instances

Opsctl = Callable[..., Any]


def rates(choice: Choice) -> Any:
    return rates_of(
        choice.size.instance_type, region="us-east-1", spot=choice.spot, root_volume_gib=choice.root_volume_gib
    )


def comparison(
    *types: str, counts: tuple[int, ...] = (300, 10_000), allowed: tuple[str, ...] = (), **changes: Any
) -> InstanceComparison:
    place = replace(Place.by_default("csd", region="us-east-1"), spot=True, **changes)
    hours = hours_of([], kind="dwi csd")
    return compare_instances(place, types, allowed=allowed, scan_counts=counts, hours=hours, rates_of_choice=rates)


@pytest.fixture(scope="module")
def usual() -> InstanceComparison:
    return comparison("r5.large", "r5.xlarge", "r6i.xlarge", "r5.4xlarge", allowed=("r6i.xlarge",))


def with_types(*types: str) -> Platform:
    models = {name: replace(model, more_instance_types=types) for name, model in PLATFORM.models.items()}
    return replace(PLATFORM, models=models)


def test_the_types_that_are_compared() -> None:
    assert compared_types("r5.xlarge", ("r6i.4xlarge", "r5.2xlarge")) == [
        *("r5.xlarge", "r5.2xlarge", "r5.4xlarge", "r6i.4xlarge", "r5.8xlarge", "r5.12xlarge", "r5.16xlarge"),
        "r5.24xlarge",
    ]
    assert compared_types("r5.large", ("r5a.large",), only_allowed=True) == ["r5.large", "r5a.large"]
    assert scan_counts_with(57) == (57, 300, 10_000) and scan_counts_with(300) == (300, 10_000)


def test_large_instances_pay_for_ten_thousand_scans_and_not_for_three_hundred(usual: InstanceComparison) -> None:
    assert [offer.scans_on_each for offer in usual.offers] == [1, 2, 2, 8]
    assert usual.cheapest(10_000).instance_type == "r5.4xlarge"
    few, many = ([offer.run_of(count).usd for offer in usual.offers] for count in (300, 10_000))  # type: ignore[union-attr]
    assert 0.70 < many[3] / many[0] < 0.80
    assert few[3] > 0.97 * few[0]


def test_a_family_of_the_same_size_differs_in_price_only(usual: InstanceComparison) -> None:
    alike = comparison("r6i.xlarge", counts=(300,)).offers[0].runs[0]
    scaled = usual.offers[2].runs[0]
    # The disk of what is allowed is the platform's own.
    assert scaled.usd == pytest.approx(alike.usd, rel=0.01)
    assert scaled.finish_hours == usual.offers[1].runs[0].finish_hours


def test_what_does_not_fit_says_why_and_the_others_are_compared() -> None:
    compared = comparison("r5.large", "r5.24xlarge", counts=(20,), max_vcpus=64)
    assert compared.offers[1].runs == () and "Not one r5.24xlarge fits into" in compared.offers[1].why_not
    assert compared.cheapest(20).instance_type == "r5.large"


def test_the_setting_keeps_what_is_allowed(usual: InstanceComparison) -> None:
    (first, *_) = next_commands(usual, platform="lab")
    assert first == """opsctl up --name lab --set more_instance_sizes='["xlarge", "4xlarge"]'"""
    allowed = comparison("r5.large", "r5.4xlarge", allowed=("r5.4xlarge",), counts=(10_000,))
    assert list(next_commands(allowed, platform="lab")) == ["opsctl simulate --scans 1000 --instance r5.4xlarge --spot"]


@pytest.mark.parametrize("width", [40, 80, 120])
def test_every_figure_has_its_name_in_every_window(width: int, usual: InstanceComparison) -> None:
    screen, window = terminal(width)
    show_instances(screen, usual, is_answer=True)
    assert max(map(len, window.lines)) <= width
    text = " ".join(window.getvalue().split())
    for words in ("r5.4xlarge", "10,000 scans: r5.4xlarge costs about", "not allowed"):
        assert words in text
    assert ("INSTANCE" in text) or ("8 scans on each" in text)


def test_without_a_platform_and_in_a_pipe(opsctl: Opsctl, home: Path) -> None:
    said = opsctl("size", "--instances", "--model", "csa")
    assert said.code == 0, said.err
    head, *rows = said.out.splitlines()
    assert head.split()[0] == "INSTANCE" and "10,000 SCANS" in head
    assert [row.split()[0] for row in rows][:2] == ["r5.xlarge", "r5.2xlarge"]
    assert "No platform is chosen" in said.err and "--model csa" in said.err
    document = json.loads(opsctl("size", "--instances", "--model", "csa", "--json").out)
    assert document["schema_version"] == 1 and set(document["cheapest"]) == {"300", "10000"}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--instances", "--run", "x"), "Leave out --run."),
        (("--model", "csa"), "--model is about --instances."),
        (("--spot",), "is about --instances."),
        (("--instances", "--slowdown", "0"), "must be from 1.0 to 10.0"),
    ],
)
def test_wrong_input_is_refused(words: tuple[str, ...], message: str, opsctl: Opsctl) -> None:
    said = opsctl("size", *words)
    assert said.code and message in " ".join(said.err.split()), said.err


@pytest.fixture
def typed_run(storage: Storage, home: Path, opsctl: Opsctl, monkeypatch: pytest.MonkeyPatch) -> Opsctl:  # noqa: F811
    """Type `opsctl run --dry-run` on a platform whose scans may run on further types."""
    put_dataset(storage.client, *(f"sub-{number:02d}" for number in range(5)))
    batch = BatchWorld({})
    monkeypatch.setattr("opsctl.cli.context.storage_of", lambda _: storage)
    monkeypatch.setattr("opsctl.cli.context.batch_of", lambda _: batch.adapter)
    monkeypatch.setattr("opsctl.aws.pricing.rates", lambda *_, **__: RATES)
    facts = RunFacts(account=Account(plan=None, quotas=(), volumes=VolumeQuota("L-7A658B76", 5000.0)))
    monkeypatch.setattr("opsctl.commands.diagnosis.account_look.start_run_facts", lambda *_: lambda: facts)

    def typed(*types: str) -> Any:
        Home(home).keep(with_types(*types))
        return opsctl("run", "HNU1", "--sp", "native", "--model", "csd", "--dry-run")

    return typed


def test_run_shows_each_type_that_is_allowed_and_by_default_none(typed_run: Opsctl) -> None:
    said = " ".join(typed_run("r5.4xlarge").err.split())
    assert "INSTANCE SCANS ON EACH 5 SCANS 300 SCANS 10,000 SCANS" in said
    assert "r5.4xlarge" in said and "r5.8xlarge" not in said
    assert "INSTANCE" not in typed_run().err
