"""AWS's prices in the shapes that AWS documents, and every way of not getting one."""

from __future__ import annotations

import dataclasses
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.stub import ANY, Stubber
from support.example_platform import platform

from opsctl.aws.clients import Clients
from opsctl.aws.pricing import rates
from opsctl.aws.s3.cache import Cache
from opsctl.home import Home

NOW = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)
PLATFORM = platform(region="eu-north-1")
RESOURCES = PLATFORM.models["csd"]
SPOT = dataclasses.replace(PLATFORM, spot=True)
FILTERS = {
    "ServiceCode": "AmazonEC2",
    "FormatVersion": "aws_v1",
    "Filters": [
        {"Type": "TERM_MATCH", "Field": field, "Value": value}
        for field, value in {
            "regionCode": "eu-north-1",
            "instanceType": "r5.large",
            "operatingSystem": "Linux",
            "tenancy": "Shared",
            "preInstalledSw": "NA",
            "capacitystatus": "Used",
        }.items()
    ],
}
SPOT_REQUEST = {"InstanceTypes": ["r5.large"], "ProductDescriptions": ["Linux/UNIX"], "StartTime": ANY}
TABLE = "opsctl's table of AWS's list prices, 2026-01: AWS's price list could not be asked"


class Stubbed:
    """`clients` with both services stubbed: what is not scripted is refused as an error."""

    def __init__(self, clients: Clients) -> None:
        self.clients = clients
        self.pricing = Stubber(self.clients.pricing)
        self.ec2 = Stubber(self.clients.ec2)

    def price(self, *products: str) -> None:
        self.pricing.add_response("get_products", {"PriceList": list(products), "FormatVersion": "aws_v1"}, FILTERS)

    def spot(self, *prices: tuple[str, str, int]) -> None:
        history = [
            {
                "AvailabilityZone": zone,
                "InstanceType": "r5.large",
                "ProductDescription": "Linux/UNIX",
                "SpotPrice": price,
                "Timestamp": NOW - timedelta(hours=hours),
            }
            for zone, price, hours in prices
        ]
        self.ec2.add_response(
            "describe_spot_price_history", {"NextToken": "", "SpotPriceHistory": history}, SPOT_REQUEST
        )


@pytest.fixture(scope="module")
def clients() -> Clients:
    """Each takes a second to make; nobody answers at its address."""
    return Clients(region="eu-north-1", endpoint_url="http://127.0.0.1:1")


@pytest.fixture
def aws(clients: Clients) -> Iterator[Stubbed]:
    made = Stubbed(clients)
    with made.pricing, made.ec2:
        yield made
        made.pricing.assert_no_pending_responses()
        made.ec2.assert_no_pending_responses()


def product(*usd: str, unit: str = "Hrs") -> str:
    """One entry of GetProducts' PriceList, as AWS's documentation shows it."""
    sku = "22WY57989R2PA7RB"
    return json.dumps(
        {
            "product": {
                "productFamily": "Compute Instance",
                "attributes": {"instanceType": "r5.large", "regionCode": "eu-north-1", "vcpu": "2"},
                "sku": sku,
            },
            "serviceCode": "AmazonEC2",
            "terms": {
                "OnDemand": {
                    f"{sku}.JRTCKXETXF": {
                        "priceDimensions": {
                            f"{sku}.JRTCKXETXF.{number}": {
                                "unit": unit,
                                "endRange": "Inf",
                                "appliesTo": [],
                                "beginRange": "0",
                                "pricePerUnit": {"USD": price},
                            }
                            for number, price in enumerate(usd)
                        },
                        "sku": sku,
                        "effectiveDate": "2026-11-01T00:00:00Z",
                        "offerTermCode": "JRTCKXETXF",
                        "termAttributes": {},
                    }
                },
                "Reserved": {"x": {"priceDimensions": {"y": {"unit": "Hrs", "pricePerUnit": {"USD": "0.05"}}}}},
            },
            "version": "20261122020351",
            "publicationDate": "2026-11-22T02:03:51Z",
        }
    )


def test_the_price_list_is_asked_for_the_regions_instance(aws: Stubbed) -> None:
    aws.price(product("0.1350000000"))
    found = rates(aws.clients, PLATFORM, RESOURCES, now=NOW)
    assert found.instance_usd_per_hour == 0.135
    assert (
        found.source
        == "AWS's price list, asked 2026-11-22; disk and address from opsctl's table of AWS's list prices, 2026-01"
    )


def test_only_a_price_of_the_old_table_is_warned_of(aws: Stubbed, clients: Clients) -> None:
    aws.price(product("0.135"))
    assert rates(aws.clients, PLATFORM, RESOURCES, now=NOW).warning == ""
    aws.price()
    assert "half a year old" in rates(aws.clients, PLATFORM, RESOURCES, now=NOW).warning
    aws.price()
    assert rates(aws.clients, PLATFORM, RESOURCES, now=datetime(2026, 2, 1, tzinfo=UTC)).warning == ""
    local = dataclasses.replace(PLATFORM, endpoint_url="http://127.0.0.1:1")
    assert rates(clients, local, RESOURCES, now=NOW).warning == ""


def test_reserved_capacity_at_no_price_does_not_count(aws: Stubbed) -> None:
    aws.price(product("0.0000000000"), product("0.1350000000"), product("0.1350000000"))
    assert rates(aws.clients, PLATFORM, RESOURCES, now=NOW).instance_usd_per_hour == 0.135


@pytest.mark.parametrize(
    "products",
    [
        [],
        [product("0.135"), product("0.2")],
        [product("0.0")],
        [product("0.135", unit="Quantity")],
        ["not json"],
        ["{}"],
        ["[]"],
        [product("dear")],
    ],
)
def test_an_odd_reply_means_the_table(aws: Stubbed, products: list[str]) -> None:
    aws.price(*products)
    found = rates(aws.clients, PLATFORM, RESOURCES, now=NOW)
    assert found.instance_usd_per_hour == 0.134
    assert found.source == TABLE


@pytest.mark.parametrize("code", ["AccessDeniedException", "ExpiredTokenException", "InternalErrorException"])
def test_a_refusal_means_the_table(aws: Stubbed, code: str) -> None:
    aws.pricing.add_client_error("get_products", service_error_code=code, expected_params=FILTERS)
    assert rates(aws.clients, PLATFORM, RESOURCES, now=NOW).source == TABLE


def test_no_network_means_the_table(clients: Clients) -> None:
    assert rates(clients, PLATFORM, RESOURCES, now=NOW).source == TABLE
    assert rates(clients, SPOT, RESOURCES, now=NOW).source == f"{TABLE}; Spot taken as 0.3 of on-demand"


def test_no_credentials_mean_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    assert rates(Clients(region="eu-north-1"), PLATFORM, RESOURCES, now=NOW, timeout_seconds=60).source == TABLE


def test_nobody_waits_for_an_answer_that_does_not_come() -> None:
    # A client of its own: the call that is left behind must not meet the other tests' answers.
    clients = Clients(region="eu-north-1", endpoint_url="http://127.0.0.1:1")
    release = threading.Event()
    clients.pricing.meta.events.register("before-call.pricing", lambda **_: release.wait(60) and None)
    try:
        assert rates(clients, PLATFORM, RESOURCES, now=NOW, timeout_seconds=0.05).source == TABLE
    finally:
        release.set()


def test_spot_is_the_mean_over_zones_of_the_newest_in_each(aws: Stubbed) -> None:
    aws.spot(("a", "0.040000", 1), ("a", "0.900000", 30), ("b", "0.060000", 2), ("a", "0.800000", 20))
    found = rates(aws.clients, SPOT, RESOURCES, now=NOW)
    assert (found.kind, found.instance_usd_per_hour) == ("Spot", pytest.approx(0.05))
    assert found.source.startswith("AWS's Spot prices, asked 2026-11-22")


def test_without_a_spot_price_it_is_a_share_of_aws_own_on_demand_price(aws: Stubbed) -> None:
    aws.ec2.add_client_error("describe_spot_price_history", service_error_code="UnauthorizedOperation")
    aws.price(product("0.2"))
    found = rates(aws.clients, SPOT, RESOURCES, now=NOW)
    assert found.instance_usd_per_hour == pytest.approx(0.06)
    assert "price list, asked" in found.source and found.source.endswith("Spot taken as 0.3 of on-demand")


def test_no_spot_history_at_all_is_no_spot_price(aws: Stubbed) -> None:
    aws.spot()
    aws.price()
    assert rates(aws.clients, SPOT, RESOURCES, now=NOW).source == f"{TABLE}; Spot taken as 0.3 of on-demand"


def test_the_local_platform_asks_nobody(aws: Stubbed) -> None:
    local = dataclasses.replace(PLATFORM, region="us-east-1", endpoint_url="http://127.0.0.1:1")
    found = rates(aws.clients, local, RESOURCES, now=NOW)
    assert (found.instance_usd_per_hour, found.source) == (0.126, "opsctl's table of AWS's list prices, 2026-01")


def test_an_answer_is_kept_for_a_day_and_keeps_its_date(aws: Stubbed, tmp_path: Path) -> None:
    home = Home(tmp_path)
    aws.price(product("0.135"))
    first = rates(aws.clients, PLATFORM, RESOURCES, home=home, now=NOW)
    later = rates(aws.clients, PLATFORM, RESOURCES, home=home, now=NOW + timedelta(hours=23))
    assert later == first
    aws.price(product("0.14"))
    next_day = rates(aws.clients, PLATFORM, RESOURCES, home=home, now=NOW + timedelta(hours=24))
    assert (next_day.instance_usd_per_hour, "asked 2026-11-23" in next_day.source) == (0.14, True)


def test_what_is_kept_of_one_region_and_kind_is_not_anothers(aws: Stubbed, tmp_path: Path) -> None:
    home = Home(tmp_path)
    aws.spot(("a", "0.05", 0))
    assert rates(aws.clients, SPOT, RESOURCES, home=home, now=NOW).instance_usd_per_hour == 0.05
    aws.price(product("0.135"))
    assert rates(aws.clients, PLATFORM, RESOURCES, home=home, now=NOW).instance_usd_per_hour == 0.135
    assert rates(aws.clients, SPOT, RESOURCES, home=home, now=NOW).instance_usd_per_hour == 0.05


def test_a_failure_is_not_kept(aws: Stubbed, tmp_path: Path) -> None:
    home = Home(tmp_path)
    aws.price()
    assert rates(aws.clients, PLATFORM, RESOURCES, home=home, now=NOW).source == TABLE
    aws.price(product("0.135"))
    assert rates(aws.clients, PLATFORM, RESOURCES, home=home, now=NOW).instance_usd_per_hour == 0.135


@pytest.mark.parametrize("value", [3, [], {}, {"asked_at": "2026"}, {"asked_at": f"{NOW:%FT%TZ}", "usd_per_hour": ""}])
def test_a_damaged_price_is_asked_anew(aws: Stubbed, tmp_path: Path, value: Any) -> None:
    home = Home(tmp_path)
    Cache(home.cache).put_value(PLATFORM.data_bucket, "price/eu-north-1/r5.large/on-demand", value)
    aws.price(product("0.135"))
    assert rates(aws.clients, PLATFORM, RESOURCES, home=home, now=NOW).instance_usd_per_hour == 0.135
    # The name above is the one that is read: the answer has replaced the damaged price.
    assert rates(aws.clients, PLATFORM, RESOURCES, home=home, now=NOW).instance_usd_per_hour == 0.135
    assert Cache(home.cache).get_value(PLATFORM.data_bucket, "price/eu-north-1/r5.large/on-demand") != value


def test_a_cache_that_cannot_be_written_only_costs_the_next_question(aws: Stubbed, tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.cache.mkdir()
    aws.price(product("0.135"))
    found: Any = rates(aws.clients, PLATFORM, RESOURCES, home=home, now=NOW)
    assert found.instance_usd_per_hour == 0.135
