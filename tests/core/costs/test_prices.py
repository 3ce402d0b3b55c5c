"""The dated price table: its regions, the scaling by size, and the source that it names."""

from __future__ import annotations

from datetime import date

import pytest

from opsctl.core.costs.price_table import REGIONS
from opsctl.core.costs.prices import TABLE_DATE, LivePrice, old_table_note, rates_of

# The commercial regions that are enabled by default.
USUAL_REGIONS = [
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
    "ca-central-1",
    "sa-east-1",
    "eu-central-1",
    "eu-north-1",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-southeast-1",
    "ap-southeast-2",
]


def rates(kind: str = "r5.large", *, region: str = "us-east-1", spot: bool = False, **more: object):  # type: ignore[no-untyped-def]
    return rates_of(kind, region=region, spot=spot, root_volume_gib=100, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("region", USUAL_REGIONS)
def test_every_usual_region_is_in_the_table(region: str) -> None:
    priced = rates(region=region)
    assert priced.source == "opsctl's table of AWS's list prices, 2026-01"
    # No region is cheaper than us-east-1, and none costs twice as much.
    assert 0.126 <= priced.instance_usd_per_hour <= 0.252
    assert 0.08 / 730 <= priced.disk_usd_per_gib_hour <= 0.16 / 730


@pytest.mark.parametrize(
    ("kind", "region", "price"),
    [
        ("r5.large", "us-east-1", 0.126),
        ("r5.xlarge", "us-east-1", 0.252),
        ("r5.2xlarge", "us-east-1", 0.504),
        ("r5.24xlarge", "us-east-1", 6.048),
        ("r5.large", "ap-southeast-2", 0.151),
        ("r5.4xlarge", "eu-central-1", 1.216),
        ("r6i.xlarge", "us-east-1", 0.252),
        ("r5a.2xlarge", "us-east-1", 0.452),
    ],
)
def test_sizes_of_the_family_are_priced_by_size(kind: str, region: str, price: float) -> None:
    assert rates(kind, region=region).instance_usd_per_hour == pytest.approx(price)


def test_an_hour_is_instance_disk_and_address() -> None:
    assert rates().usd_per_hour == pytest.approx(0.126 + 100 * 0.08 / 730 + 0.005)


def test_a_region_that_is_not_in_it_takes_another_ones_and_says_so() -> None:
    priced = rates(region="xx-moon-1")
    assert priced.usd_per_hour == rates().usd_per_hour
    assert (
        priced.source
        == "opsctl's table of AWS's list prices, 2026-01, with us-east-1's prices because xx-moon-1 is not in it"
    )


@pytest.mark.parametrize("kind", ["m6i.large", "r5z.large", "r5.metal", "r5.mediumxlarge", "xr5.large"])
def test_other_families_have_no_price_and_none_is_made_up(kind: str) -> None:
    priced = rates(kind)
    assert (priced.instance_usd_per_hour, priced.is_complete) == (0, False)
    assert f"no price for {kind}" in priced.source


def test_a_family_that_a_region_lacks_differs_from_r5_as_elsewhere_and_it_says_so() -> None:
    priced = rates("r7i.large", region="ap-northeast-1")
    # 0.319 is AWS's price of r7i.xlarge there.
    assert 2 * priced.instance_usd_per_hour == pytest.approx(0.319, abs=0.0005)
    assert priced.source.endswith("r7i.large is not in it for ap-northeast-1: taken to differ from r5 as in us-east-1")
    assert "taken to differ" not in rates("r7i.large").source


def test_every_family_that_up_allows_has_a_price() -> None:
    allowed = ["r5", "r5a", "r5b", "r5d", "r5n", "r6a", "r6i", "r6in", "r7a", "r7i", "r8a", "r8i"]
    assert {family for family in allowed if not rates(f"{family}.4xlarge", region="eu-west-1").is_complete} == set()


def test_every_price_has_a_source_and_a_date() -> None:
    for prices in REGIONS.values():
        for price in prices.all_prices:
            assert price.usd > 0 and price.source.name and price.source.date >= TABLE_DATE


@pytest.mark.parametrize(("today", "is_old"), [("2026-07-03", False), ("2026-07-04", True), ("2026-11-29", True)])
def test_a_table_older_than_half_a_year_is_said_to_be(
    monkeypatch: pytest.MonkeyPatch, today: str, is_old: bool
) -> None:
    monkeypatch.setattr("opsctl.core.costs.prices.TABLE_DATE", "2026-01")
    note = old_table_note(date.fromisoformat(today))
    assert bool(note) is is_old
    # What a user can do about it, wherever opsctl was installed from.
    assert ("of 2026-01, more than half a year old" in note and "pricing:GetProducts" in note) is is_old
    monkeypatch.setattr("opsctl.core.costs.prices.TABLE_DATE", "2026-11-20")
    assert not old_table_note(date.fromisoformat(today))


def test_spot_is_taken_as_a_share_and_said() -> None:
    priced = rates(spot=True)
    assert (priced.kind, priced.instance_usd_per_hour) == ("Spot", pytest.approx(0.3 * 0.126))
    assert priced.source.endswith("; Spot taken as 0.3 of on-demand")


def test_why_the_table_stands_is_said() -> None:
    priced = rates(why_table="AWS's price list could not be asked")
    assert priced.source == "opsctl's table of AWS's list prices, 2026-01: AWS's price list could not be asked"


def test_aws_own_price_goes_before_the_table_and_may_be_of_any_family() -> None:
    priced = rates("m6i.large", live=LivePrice(0.11, asked_on="2026-11-22", is_spot=False), why_table="never")
    assert (priced.instance_usd_per_hour, priced.is_complete) == (0.11, True)
    assert (
        priced.source
        == "AWS's price list, asked 2026-11-22; disk and address from opsctl's table of AWS's list prices, 2026-01"
    )


def test_a_live_spot_price_is_not_reduced_again() -> None:
    spot = rates(spot=True, live=LivePrice(0.05, asked_on="2026-11-22", is_spot=True))
    assert spot.instance_usd_per_hour == 0.05
    assert spot.source.startswith("AWS's Spot prices, asked 2026-11-22")
    share = rates(spot=True, live=LivePrice(0.2, asked_on="2026-11-22", is_spot=False))
    assert share.instance_usd_per_hour == pytest.approx(0.06)
    assert "0.3 of on-demand" in share.source
