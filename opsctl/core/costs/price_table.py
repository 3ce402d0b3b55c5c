"""AWS's list prices by region, each with its source and date: plain data. docs/cost.md says more about the sources."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Source:
    """Where a price comes from, and its date: a month, or a day."""

    name: str
    date: str


@dataclass(frozen=True)
class Price:
    """A price in USD."""

    usd: float
    source: Source


@dataclass(frozen=True, kw_only=True)
class RegionPrices:
    """What AWS asks in one region.

    Attributes
    ----------
    xlarge_usd_per_hour
        By family of instances: the xlarge on demand with Linux. Other sizes cost in proportion.
    gp3_usd_per_gib_month
        A gp3 volume.
    address_usd_per_hour
        A public IPv4 address.
    """

    xlarge_usd_per_hour: Mapping[str, Price]
    gp3_usd_per_gib_month: Price
    address_usd_per_hour: Price

    @property
    def all_prices(self) -> list[Price]:
        """Every price."""
        return [*self.xlarge_usd_per_hour.values(), self.gp3_usd_per_gib_month, self.address_usd_per_hour]


# The lines below are written by `make prices`.

_SOURCE_1 = Source("AWS's EBS pricing page, as copied in public code", "2026-01")
_SOURCE_2 = Source("AWS's price of public IPv4 addresses since 2024-02", "2026-01")
_SOURCE_3 = Source("Karpenter's generated price file", "2026-01")
_SOURCE_4 = Source("SkyPilot's catalogue of AWS's prices", "2026-01")

REGIONS: dict[str, RegionPrices] = {
    "af-south-1": RegionPrices(
        xlarge_usd_per_hour={
            "r5": Price(0.336, _SOURCE_4),
        },
        gp3_usd_per_gib_month=Price(0.1047, _SOURCE_1),
        address_usd_per_hour=Price(0.005, _SOURCE_2),
    ),
    "ap-east-1": RegionPrices(
        xlarge_usd_per_hour={
            "r5": Price(0.334, _SOURCE_4),
        },
        gp3_usd_per_gib_month=Price(0.1056, _SOURCE_1),
        address_usd_per_hour=Price(0.005, _SOURCE_2),
    ),
    "ap-northeast-1": RegionPrices(
        xlarge_usd_per_hour={
            "r5": Price(0.304, _SOURCE_4),
        },
        gp3_usd_per_gib_month=Price(0.096, _SOURCE_1),
        address_usd_per_hour=Price(0.005, _SOURCE_2),
    ),
    "ap-northeast-2": RegionPrices(
        xlarge_usd_per_hour={
            "r5": Price(0.304, _SOURCE_4),
        },
        gp3_usd_per_gib_month=Price(0.0912, _SOURCE_1),
        address_usd_per_hour=Price(0.005, _SOURCE_2),
    ),
    "ap-northeast-3": RegionPrices(
        xlarge_usd_per_hour={
            "r5": Price(0.304, _SOURCE_4),
        },
        gp3_usd_per_gib_month=Price(0.096, _SOURCE_1),
        address_usd_per_hour=Price(0.005, _SOURCE_2),
    ),
    "ap-south-1": RegionPrices(
        xlarge_usd_per_hour={
            "r5": Price(0.26, _SOURCE_4),
        },
        gp3_usd_per_gib_month=Price(0.0912, _SOURCE_1),
        address_usd_per_hour=Price(0.005, _SOURCE_2),
    ),
    "ap-southeast-1": RegionPrices(
        xlarge_usd_per_hour={
            "r5": Price(0.304, _SOURCE_4),
        },
        gp3_usd_per_gib_month=Price(0.096, _SOURCE_1),
        address_usd_per_hour=Price(0.005, _SOURCE_2),
    ),
    "ap-southeast-2": RegionPrices(
        xlarge_usd_per_hour={
            "r5": Price(0.302, _SOURCE_4),
        },
        gp3_usd_per_gib_month=Price(0.096, _SOURCE_1),
        address_usd_per_hour=Price(0.005, _SOURCE_2),
    ),
    "ca-central-1": RegionPrices(
        xlarge_usd_per_hour={
            "r5": Price(0.276, _SOURCE_4),
        },
        gp3_usd_per_gib_month=Price(0.088, _SOURCE_1),
        address_usd_per_hour=Price(0.005, _SOURCE_2),
    ),
    "eu-central-1": RegionPrices(
        xlarge_usd_per_hour={
            "r5": Price(0.304, _SOURCE_4),
        },
        gp3_usd_per_gib_month=Price(0.0952, _SOURCE_1),
        address_usd_per_hour=Price(0.005, _SOURCE_2),
    ),
    "eu-north-1": RegionPrices(
        xlarge_usd_per_hour={
            "r5": Price(0.268, _SOURCE_4),
        },
        gp3_usd_per_gib_month=Price(0.0836, _SOURCE_1),
        address_usd_per_hour=Price(0.005, _SOURCE_2),
    ),
    "eu-south-1": RegionPrices(
        xlarge_usd_per_hour={
            "r5": Price(0.296, _SOURCE_4),
        },
        gp3_usd_per_gib_month=Price(0.0924, _SOURCE_1),
        address_usd_per_hour=Price(0.005, _SOURCE_2),
    ),
    "eu-west-1": RegionPrices(
        xlarge_usd_per_hour={
            "r5": Price(0.282, _SOURCE_4),
        },
        gp3_usd_per_gib_month=Price(0.088, _SOURCE_1),
        address_usd_per_hour=Price(0.005, _SOURCE_2),
    ),
    "eu-west-2": RegionPrices(
        xlarge_usd_per_hour={
            "r5": Price(0.296, _SOURCE_4),
        },
        gp3_usd_per_gib_month=Price(0.0928, _SOURCE_1),
        address_usd_per_hour=Price(0.005, _SOURCE_2),
    ),
    "eu-west-3": RegionPrices(
        xlarge_usd_per_hour={
            "r5": Price(0.296, _SOURCE_4),
        },
        gp3_usd_per_gib_month=Price(0.0928, _SOURCE_1),
        address_usd_per_hour=Price(0.005, _SOURCE_2),
    ),
    "me-south-1": RegionPrices(
        xlarge_usd_per_hour={
            "r5": Price(0.31, _SOURCE_4),
        },
        gp3_usd_per_gib_month=Price(0.0968, _SOURCE_1),
        address_usd_per_hour=Price(0.005, _SOURCE_2),
    ),
    "sa-east-1": RegionPrices(
        xlarge_usd_per_hour={
            "r5": Price(0.402, _SOURCE_4),
        },
        gp3_usd_per_gib_month=Price(0.152, _SOURCE_1),
        address_usd_per_hour=Price(0.005, _SOURCE_2),
    ),
    "us-east-1": RegionPrices(
        xlarge_usd_per_hour={
            "r5": Price(0.252, _SOURCE_3),
            "r5a": Price(0.226, _SOURCE_3),
            "r5ad": Price(0.262, _SOURCE_3),
            "r5b": Price(0.298, _SOURCE_3),
            "r5d": Price(0.288, _SOURCE_3),
            "r5dn": Price(0.334, _SOURCE_3),
            "r5n": Price(0.298, _SOURCE_3),
            "r6a": Price(0.2268, _SOURCE_3),
            "r6i": Price(0.252, _SOURCE_3),
            "r6id": Price(0.3024, _SOURCE_3),
            "r6idn": Price(0.39078, _SOURCE_3),
            "r6in": Price(0.34866, _SOURCE_3),
            "r7a": Price(0.3043, _SOURCE_3),
            "r7i": Price(0.2646, _SOURCE_3),
            "r7iz": Price(0.372, _SOURCE_3),
            "r8a": Price(0.31952, _SOURCE_3),
            "r8i": Price(0.27784, _SOURCE_3),
        },
        gp3_usd_per_gib_month=Price(0.08, _SOURCE_1),
        address_usd_per_hour=Price(0.005, _SOURCE_2),
    ),
    "us-east-2": RegionPrices(
        xlarge_usd_per_hour={
            "r5": Price(0.252, _SOURCE_4),
        },
        gp3_usd_per_gib_month=Price(0.08, _SOURCE_1),
        address_usd_per_hour=Price(0.005, _SOURCE_2),
    ),
    "us-west-1": RegionPrices(
        xlarge_usd_per_hour={
            "r5": Price(0.28, _SOURCE_4),
        },
        gp3_usd_per_gib_month=Price(0.096, _SOURCE_1),
        address_usd_per_hour=Price(0.005, _SOURCE_2),
    ),
    "us-west-2": RegionPrices(
        xlarge_usd_per_hour={
            "r5": Price(0.252, _SOURCE_4),
        },
        gp3_usd_per_gib_month=Price(0.08, _SOURCE_1),
        address_usd_per_hour=Price(0.005, _SOURCE_2),
    ),
}
