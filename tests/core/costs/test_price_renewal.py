"""`make prices`: the table written from offer files of AWS's documented form, here from a server on this machine."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

import prices as renewal
from opsctl.core.costs.price_table import REGIONS

PLAIN = {"operatingSystem": "Linux", "tenancy": "Shared", "preInstalledSw": "NA", "capacitystatus": "Used"}


def document(code: str, *products: tuple[str, dict[str, str], str, list[str]]) -> dict[str, Any]:
    """An offer file of products: a family, attributes, a unit, and a price for each dimension."""
    value: dict[str, Any] = {
        "formatVersion": "v1.0",
        "disclaimer": "This pricing list is for informational purposes only.",
        "offerCode": code,
        "version": "20261120180000",
        "publicationDate": "2026-11-20T18:00:00Z",
        "products": {},
        "terms": {"OnDemand": {}, "Reserved": {}},
    }
    for number, (family, attributes, unit, prices) in enumerate(products):
        sku = f"SKU{number}"
        value["products"][sku] = {"sku": sku, "productFamily": family, "attributes": attributes}
        dimensions = {
            f"{sku}.JRTCKXETXF.{index}": {"unit": unit, "pricePerUnit": {"USD": price}}
            for index, price in enumerate(prices)
        }
        term = {"offerTermCode": "JRTCKXETXF", "sku": sku, "priceDimensions": dimensions}
        value["terms"]["OnDemand"][sku] = {f"{sku}.JRTCKXETXF": term}
    return value


def instance(kind: str, price: str, **attributes: str) -> tuple[str, dict[str, str], str, list[str]]:
    return ("Compute Instance", {**PLAIN, "instanceType": kind, **attributes}, "Hrs", [price])


GP3 = ("Storage", {"volumeApiName": "gp3", "usagetype": "EBS:VolumeUsage.gp3"}, "GB-Mo", ["0.0830000000"])
EC2 = document(
    "AmazonEC2",
    instance("r5.xlarge", "0.2610000000"),
    instance("r5.xlarge", "0.4450000000", operatingSystem="Windows"),
    instance("r5.xlarge", "0.2770000000", tenancy="Dedicated"),
    instance("r5.xlarge", "0.0000000000", capacitystatus="AllocatedCapacityReservation"),
    instance("r5.large", "0.1305000000"),
    instance("r6i.xlarge", "0.2650000000"),
    instance("r6g.xlarge", "0.2010000000"),
    instance("m5.xlarge", "0.1920000000"),
    GP3,
    ("System Operation", {"volumeApiName": "gp3", "group": "EBS IOPS"}, "IOPS-Mo", ["0.0050000000"]),
)
VPC = document(
    "AmazonVPC",
    ("VpcPublicIPv4Address", {"group": "VPCPublicIPv4Address", "usagetype": "InUse"}, "Hrs", ["0.0050000000"]),
    ("VpcPublicIPv4Address", {"group": "VPCPublicIPv4Address", "usagetype": "Idle"}, "Hrs", ["0.0050000000", "0"]),
    ("Cloud Connectivity", {"group": "VpnConnection"}, "Hrs", ["0.05"]),
)


@pytest.fixture
def offers(tmp_path: Path) -> Iterator[str]:
    """The address of a server that has the offer files of eu-west-1."""
    for value in (EC2, VPC):
        folder = tmp_path / value["offerCode"] / "current" / "eu-west-1"
        folder.mkdir(parents=True)
        (folder / "index.json").write_text(json.dumps(value))
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=str(tmp_path)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_table_is_written_from_offer_files(offers: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = tmp_path / "price_table.py"
    table.write_text(renewal.TABLE.read_text())
    monkeypatch.setattr(renewal, "TABLE", table)
    monkeypatch.setattr(sys, "argv", ["prices.py", "eu-west-1", "--offers", offers])
    renewal.main()
    written: dict[str, Any] = {"__name__": "opsctl.core.costs.price_table"}
    exec(compile(table.read_text(), table, "exec"), written)
    prices = written["REGIONS"]["eu-west-1"]
    assert {name: price.usd for name, price in prices.xlarge_usd_per_hour.items()} == {"r5": 0.261, "r6i": 0.265}
    assert (prices.gp3_usd_per_gib_month.usd, prices.address_usd_per_hour.usd) == (0.083, 0.005)
    assert prices.gp3_usd_per_gib_month.source.name == "AWS's offer file AmazonEC2"
    assert {price.source.date for price in prices.all_prices} == {"2026-11-20"}
    # The other regions stay as they are, and the file's form is the one that ruff gives it.
    assert set(written["REGIONS"]) == set(REGIONS)
    assert written["REGIONS"]["us-east-1"].xlarge_usd_per_hour["r5"].usd == 0.252
    formatted = subprocess.run(
        [sys.executable, "-m", "ruff", "format", "--line-length", "120", "--check", table], check=False
    )
    assert formatted.returncode == 0


@pytest.mark.parametrize(
    ("ec2", "vpc", "message"),
    [
        (document("AmazonEC2", GP3), VPC, "there is no price of r5.xlarge"),
        (document("AmazonEC2", *2 * [instance("r5.xlarge", "0.2")], GP3), VPC, "more than one price"),
        (document("AmazonEC2", instance("r5.xlarge", "0.2")), VPC, "gp3 has 0 prices"),
        (EC2, document("AmazonVPC"), "public IPv4 has 0 prices"),
    ],
)
def test_a_price_that_is_missing_or_not_the_only_one_stops_it(ec2: Any, vpc: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        renewal.region_prices(ec2, vpc, region="eu-west-1")


def test_the_table_is_what_the_script_would_write() -> None:
    assert renewal.written(REGIONS) == renewal.TABLE.read_text()
