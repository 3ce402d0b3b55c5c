"""Write opsctl's table of prices anew from AWS's public offer files: `make prices` calls it; then review `git diff`.

The offer files (https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/price-changes.html) need no account.
One region's AmazonEC2 file has several hundred megabytes, and reading it takes some gigabytes of memory; they are read
one after the other.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from opsctl.core.costs.price_table import REGIONS, Price, RegionPrices, Source

OFFERS = "https://pricing.us-east-1.amazonaws.com/offers/v1.0/aws"
TABLE = Path(__file__).parent / "opsctl" / "core" / "costs" / "price_table.py"

#: The families that `up` allows (more_instance_families in terraform/platform/variables.tf).
_FAMILY = re.compile(r"(r[5-9][a-fh-z]*)\.xlarge")
_INSTANCE = {"operatingSystem": "Linux", "tenancy": "Shared", "preInstalledSw": "NA", "capacitystatus": "Used"}


def offer(service: str, region: str, *, offers: str = OFFERS) -> dict[str, Any]:
    """A service's offer file of one region."""
    with tempfile.TemporaryFile() as file:
        with urllib.request.urlopen(f"{offers}/{service}/current/{region}/index.json", timeout=60) as reply:
            shutil.copyfileobj(reply, file)
        file.seek(0)
        value: dict[str, Any] = json.load(file)
    return value


def region_prices(ec2: dict[str, Any], vpc: dict[str, Any], *, region: str) -> RegionPrices:
    """The prices of one region.

    Raises
    ------
    ValueError
        If a price is missing, or is not the only one of its kind.
    """
    families: dict[str, Price] = {}
    for family, usd in _instances(ec2):
        if family in families:
            raise ValueError(f"{region}: {family}.xlarge has more than one price.")
        families[family] = Price(usd, _source(ec2))
    if "r5" not in families:
        raise ValueError(f"{region}: there is no price of r5.xlarge.")
    return RegionPrices(
        xlarge_usd_per_hour=dict(sorted(families.items())),
        gp3_usd_per_gib_month=_only(ec2, region, "gp3", unit="GB-Mo", volumeApiName="gp3", productFamily="Storage"),
        address_usd_per_hour=_only(vpc, region, "public IPv4", unit="Hrs", group="VPCPublicIPv4Address"),
    )


def _instances(ec2: dict[str, Any]) -> Iterator[tuple[str, float]]:
    for sku, product in ec2["products"].items():
        attributes = product["attributes"]
        match = _FAMILY.fullmatch(attributes.get("instanceType", ""))
        if match and all(attributes.get(name) == value for name, value in _INSTANCE.items()):
            yield from ((match[1], usd) for usd in _usd(ec2, sku, unit="Hrs"))


def _only(document: dict[str, Any], region: str, what: str, *, unit: str, **expected: str) -> Price:
    """The one price of the products with these attributes; an address in use costs what an idle one does."""
    prices = {
        usd
        for sku, product in document["products"].items()
        if all({**product["attributes"], **product}.get(name) == value for name, value in expected.items())
        for usd in _usd(document, sku, unit=unit)
    }
    if len(prices) != 1:
        raise ValueError(f"{region}: {what} has {len(prices)} prices, not one.")
    return Price(prices.pop(), _source(document))


def _usd(document: dict[str, Any], sku: str, *, unit: str) -> list[float]:
    """The prices of a product on demand; the file also has free units, at a price of 0."""
    terms = document["terms"]["OnDemand"].get(sku, {}).values()
    dimensions = [dimension for term in terms for dimension in term["priceDimensions"].values()]
    prices = [float(each["pricePerUnit"]["USD"]) for each in dimensions if each["unit"] == unit]
    return [usd for usd in prices if usd]


def _source(document: dict[str, Any]) -> Source:
    return Source(f"AWS's offer file {document['offerCode']}", document["publicationDate"][:10])


def written(regions: dict[str, RegionPrices]) -> str:
    """The text of price_table.py: everything up to the table as it is, and the table anew."""
    sources = sorted({price.source for prices in regions.values() for price in prices.all_prices})
    names = {source: f"_SOURCE_{number}" for number, source in enumerate(sources, start=1)}
    before = TABLE.read_text(encoding="utf-8").split(_MARK)[0]
    lines = [before + _MARK]
    lines += [
        f"{name} = Source({json.dumps(source.name)}, {json.dumps(source.date)})" for source, name in names.items()
    ]
    lines += ["", "REGIONS: dict[str, RegionPrices] = {"]
    for region, prices in sorted(regions.items()):

        def text(price: Price) -> str:
            return f"Price({price.usd!r}, {names[price.source]})"

        families = (
            f"            {json.dumps(name)}: {text(price)}," for name, price in prices.xlarge_usd_per_hour.items()
        )
        lines += [f"    {json.dumps(region)}: RegionPrices(", "        xlarge_usd_per_hour={", *families, "        },"]
        lines += [
            f"        gp3_usd_per_gib_month={text(prices.gp3_usd_per_gib_month)},",
            f"        address_usd_per_hour={text(prices.address_usd_per_hour)},",
            "    ),",
        ]
    return "\n".join([*lines, "}", ""])


_MARK = "# The lines below are written by `make prices`.\n"


def main() -> None:
    """Write the table of all regions that it has, or of those that are named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("regions", nargs="*", default=sorted(REGIONS), help="all that the table has")
    parser.add_argument("--offers", default=OFFERS, help="where the offer files are")
    options = parser.parse_args()
    regions = dict(REGIONS)
    for region in options.regions:
        ec2, vpc = (offer(service, region, offers=options.offers) for service in ("AmazonEC2", "AmazonVPC"))
        regions[region] = region_prices(ec2, vpc, region=region)
        print(f"{region}: {len(regions[region].xlarge_usd_per_hour)} families")
    TABLE.write_text(written(regions), encoding="utf-8")


if __name__ == "__main__":
    main()
