"""A dated table of AWS's prices by region, used where AWS's own cannot be had; docs/cost.md names its sources."""

from __future__ import annotations

import re
from dataclasses import dataclass

from opsctl.core.costs.estimate import Rates

#: The month of the prices.
TABLE_DATE = "2026-01"
#: Its prices are used for a region that is not in the table.
DEFAULT_REGION = "us-east-1"
#: A usual Spot price as a share of the on-demand price; AWS's own Spot price takes precedence.
SPOT_SHARE = 0.3

_ADDRESS_USD_PER_HOUR = 0.005  # the same in every commercial region
#: Log lines that CloudWatch Logs takes in, in us-east-1; the simulation counts them, `opsctl cost` does not.
LOG_USD_PER_GB = 0.5
_HOURS_PER_MONTH = 730  # what AWS divides a monthly price by

#: By region: r5.xlarge on demand with Linux (USD per hour), and gp3 (USD per GiB-month).
_TABLE: dict[str, tuple[float, float]] = {
    "af-south-1": (0.336, 0.1047),
    "ap-east-1": (0.334, 0.1056),
    "ap-northeast-1": (0.304, 0.096),
    "ap-northeast-2": (0.304, 0.0912),
    "ap-northeast-3": (0.304, 0.096),
    "ap-south-1": (0.26, 0.0912),
    "ap-southeast-1": (0.304, 0.096),
    "ap-southeast-2": (0.302, 0.096),
    "ca-central-1": (0.276, 0.088),
    "eu-central-1": (0.304, 0.0952),
    "eu-north-1": (0.268, 0.0836),
    "eu-south-1": (0.296, 0.0924),
    "eu-west-1": (0.282, 0.088),
    "eu-west-2": (0.296, 0.0928),
    "eu-west-3": (0.296, 0.0928),
    "me-south-1": (0.31, 0.0968),
    "sa-east-1": (0.402, 0.152),
    "us-east-1": (0.252, 0.08),
    "us-east-2": (0.252, 0.08),
    "us-west-1": (0.28, 0.096),
    "us-west-2": (0.252, 0.08),
}

_SIZE = re.compile(r"r5\.(?:large|(\d*)xlarge)")


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
    """
    source = f"opsctl's table of AWS's list prices, {TABLE_DATE}"
    if region not in _TABLE:
        source += f", with {DEFAULT_REGION}'s prices because {region} is not in it"
    r5_xlarge, usd_per_gib_month = _TABLE.get(region, _TABLE[DEFAULT_REGION])
    price: float | None
    if live is not None:
        price = live.usd_per_hour
        list_name = "Spot prices" if live.is_spot else "price list"
        source = f"AWS's {list_name}, asked {live.asked_on}; disk and address from {source}"
    else:
        price = _scaled(instance_type, r5_xlarge=r5_xlarge)
        source += f": {why_table}" if why_table else ""
        source += "" if price is not None else f"; it has no price for {instance_type}"
    if spot and price is not None and not (live is not None and live.is_spot):
        price *= SPOT_SHARE
        source += f"; Spot taken as {SPOT_SHARE} of on-demand"
    return Rates(
        instance_usd_per_hour=price or 0.0,
        disk_usd_per_gib_hour=usd_per_gib_month / _HOURS_PER_MONTH,
        address_usd_per_hour=_ADDRESS_USD_PER_HOUR,
        root_volume_gib=root_volume_gib,
        vcpus=vcpus,
        source=source,
        kind="Spot" if spot else "on-demand",
        is_complete=price is not None,
    )


def _scaled(instance_type: str, *, r5_xlarge: float) -> float | None:
    """The price of any r5 size: AWS prices a family in proportion to size. None for other families."""
    match = _SIZE.fullmatch(instance_type)
    if match is None:
        return None
    if instance_type.endswith(".large"):
        return r5_xlarge / 2
    return r5_xlarge * int(match[1] or 1)
