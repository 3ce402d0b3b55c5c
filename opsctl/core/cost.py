"""What a run costs, about: the guide's hours and a dated table of prices.

$/scan = (instance price + disk + public address) x hours. Sources: AWS's on-demand prices of us-east-1 as of
2026-01 (EC2 r5, EBS gp3, public IPv4); Spot is taken as 0.3 of on-demand, its usual place.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from opsctl.core.platform import Platform

PRICES_FROM = "us-east-1, 2026-01"

_INSTANCE_USD_PER_HOUR = {"r5.large": 0.126, "r5.xlarge": 0.252}
_SPOT_SHARE = 0.3
_DISK_USD_PER_GIB_HOUR = 0.08 / 730
_ADDRESS_USD_PER_HOUR = 0.005

#: m2g's guide: a little over an hour a scan; boot and image pull are in it.
_HOURS_PER_SCAN = 65 / 60

#: What a resource costs while no job runs, USD an hour. What stands not here costs nothing when idle.
_IDLE_USD_PER_HOUR = {
    "aws_nat_gateway": 0.045,
    "aws_eip": 0.005,
    "aws_lb": 0.0225,
    "aws_instance": 0.126,
    "aws_kms_key": 1.0 / 730,
}


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """About what a run costs.

    Attributes
    ----------
    usd
        All scans together; 0 on the local platform.
    usd_per_scan
        One scan.
    wall_hours
        How long the whole run takes when the compute environment gives all it may.
    basis
        Where the numbers come from, in words.
    """

    usd: float
    usd_per_scan: float
    wall_hours: float
    basis: str


def estimate(platform: Platform, *, model: str, scan_count: int) -> Estimate:
    """About what a run of `scan_count` scans costs on this platform."""
    resources = platform.models[model]
    if platform.is_local:
        return Estimate(usd=0.0, usd_per_scan=0.0, wall_hours=0.0, basis="this machine")
    price = _INSTANCE_USD_PER_HOUR[resources.instance_type] * (_SPOT_SHARE if platform.spot else 1.0)
    per_hour = price + platform.root_volume_gib * _DISK_USD_PER_GIB_HOUR + _ADDRESS_USD_PER_HOUR
    per_scan = per_hour * _HOURS_PER_SCAN
    at_once = max(1, resources.max_vcpus // resources.vcpus)
    waves = -(-scan_count // at_once)
    kind = "Spot" if platform.spot else "on-demand"
    return Estimate(
        usd=per_scan * scan_count,
        usd_per_scan=per_scan,
        wall_hours=waves * _HOURS_PER_SCAN,
        basis=f"{resources.instance_type} {kind}, 65 minutes a scan, prices of {PRICES_FROM}",
    )


def idle_usd_per_hour(resource_types: Iterable[str]) -> float:
    """What a platform costs while nothing runs, from what Terraform makes.

    Parameters
    ----------
    resource_types
        Terraform's types, one for each resource. Its VPC endpoint is a gateway, which is free.
    """
    return sum(_IDLE_USD_PER_HOUR.get(kind, 0.0) for kind in resource_types)
