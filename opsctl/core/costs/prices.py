"""A dated table of AWS's prices by region, used where AWS's own cannot be had; docs/cost.md names its sources."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta

from opsctl.core.costs.estimate import Rates
from opsctl.core.costs.price_table import REGIONS, RegionPrices

#: The oldest price's date: a month, or a day.
TABLE_DATE = min(price.source.date for prices in REGIONS.values() for price in prices.all_prices)
#: Its prices are used for a region that is not in the table.
DEFAULT_REGION = "us-east-1"
#: A usual Spot price as a share of the on-demand price; AWS's own Spot price takes precedence.
SPOT_SHARE = 0.3

#: Log lines that CloudWatch Logs takes in, in us-east-1; the simulation counts them, `opsctl cost` does not.
LOG_USD_PER_GB = 0.5
_HOURS_PER_MONTH = 730  # what AWS divides a monthly price by

_TYPE = re.compile(r"([a-z0-9]+)\.(?:large|(\d*)xlarge)")

#: A table that is older is no ground for a decision about money.
_OLD = timedelta(days=183)


def old_table_note(today: date) -> str:
    """Say that the table, which an instance's price is from, is older than half a year; empty where it is not."""
    is_month = len(TABLE_DATE) == len("2026-01")
    written = date.fromisoformat(f"{TABLE_DATE}-01" if is_month else TABLE_DATE)
    if today - written <= _OLD:
        return ""
    return (
        f"The prices are of {TABLE_DATE}, more than half a year old. With the permission pricing:GetProducts, opsctl"
        " asks AWS for today's prices of a platform (docs/cost.md)."
    )


@dataclass(frozen=True)
class LivePrice:
    """An instance's price, as AWS gave it.

    Attributes
    ----------
    asked_on
        The date of the request, such as `2026-11-22`.
    is_spot
        Whether it is the Spot price; otherwise it is the on-demand price.
    """

    usd_per_hour: float
    asked_on: str
    is_spot: bool


def rates_of(
    instance_type: str,
    *,
    region: str,
    spot: bool,
    root_volume_gib: int,
    vcpus: int = 0,
    live: LivePrice | None = None,
    why_table: str = "",
    today: date | None = None,
) -> Rates:
    """What an instance costs per hour, with its disk and address.

    Parameters
    ----------
    instance_type
        EC2's name.
    vcpus
        What its jobs may have together.
    live
        AWS's price of the instance, used instead of the table's. Disk and address are always the table's.
    why_table
        Why AWS's price could not be had, in words; empty where AWS was not to be asked.
    today
        The date, for the warning that the table is old; None: nobody decides about money by it.
    """
    source = f"opsctl's table of AWS's list prices, {TABLE_DATE}"
    if region not in REGIONS:
        source += f", with {DEFAULT_REGION}'s prices because {region} is not in it"
    prices = REGIONS.get(region, REGIONS[DEFAULT_REGION])
    price: float | None
    if live is not None:
        price = live.usd_per_hour
        list_name = "Spot prices" if live.is_spot else "price list"
        source = f"AWS's {list_name}, asked {live.asked_on}; disk and address from {source}"
    else:
        price, is_in_proportion = _table_price(instance_type, prices)
        source += f": {why_table}" if why_table else ""
        if is_in_proportion:
            source += f"; {instance_type} is not in it for {region}: taken to differ from r5 as in {DEFAULT_REGION}"
        source += "" if price is not None else f"; it has no price for {instance_type}"
    if spot and price is not None and not (live is not None and live.is_spot):
        price *= SPOT_SHARE
        source += f"; Spot taken as {SPOT_SHARE} of on-demand"
    return Rates(
        instance_usd_per_hour=price or 0.0,
        disk_usd_per_gib_hour=prices.gp3_usd_per_gib_month.usd / _HOURS_PER_MONTH,
        address_usd_per_hour=prices.address_usd_per_hour.usd,
        root_volume_gib=root_volume_gib,
        vcpus=vcpus,
        source=source,
        kind="Spot" if spot else "on-demand",
        is_complete=price is not None,
        warning=old_table_note(today) if live is None and today is not None else "",
    )


def _table_price(instance_type: str, prices: RegionPrices) -> tuple[float | None, bool]:
    """The price of an instance, None if there is none; and whether it was computed from another region's.

    AWS prices a family in proportion to size, and families in about the same proportion in every region.
    """
    match = _TYPE.fullmatch(instance_type)
    if match is None:
        return None, False
    family = match[1]
    size = 0.5 if instance_type.endswith(".large") else float(match[2] or 1)
    own, usual = prices.xlarge_usd_per_hour, REGIONS[DEFAULT_REGION].xlarge_usd_per_hour
    if family in own:
        return own[family].usd * size, False
    if family in usual:
        return own["r5"].usd * usual[family].usd / usual["r5"].usd * size, True
    return None, False
