"""The cost of a scan and of an idle month, by opsctl's own calculator: the setup of m2g's guide beside opsctl's.

python -m bench.cost
"""

from __future__ import annotations

import re
from pathlib import Path

from bench.row import Row, ratio_row
from opsctl.core.costs.estimate import GUIDE_HOURS, idle_usd_per_hour
from opsctl.core.costs.prices import rates_of

_REGION = "us-east-1"
_INSTANCES = {"csd": "r5.large", "csa": "r5.xlarge"}
_SCAN_BAR, _IDLE_BAR = 0.40, 0.0
_HOURS_A_MONTH = 730

# HNU1's 300 scans on 32 instances: 64 vCPU, a new account's usual quota, hold that many csd scans.
_SCANS_PER_INSTANCE = 300 / 32
# Of each instance, the same on both sides: boot, pulling m2g's image, and the time until Batch ends the instance.
_BOOT_HOURS, _IMAGE_HOURS, _TAIL_HOURS = 3 / 60, 8 / 60, 5 / 60
# The guide has no launch template, so its instances have the machine image's own root volume.
_GUIDE_DISK_GIB, _DISK_GIB = 30, 100

_TERRAFORM = Path(__file__).resolve().parents[1] / "terraform"


def usd_per_scan(instance_type: str, *, spot: bool, disk_gib: int, scans_per_instance: float) -> float:
    """One scan's share of the cost of its instance.

    Parameters
    ----------
    scans_per_instance
        How many scans an instance processes, one after the other, before it ends.
    """
    rates = rates_of(instance_type, region=_REGION, spot=spot, root_volume_gib=disk_gib)
    return rates.usd_per_hour * (GUIDE_HOURS + (_BOOT_HOURS + _IMAGE_HOURS + _TAIL_HOURS) / scans_per_instance)


def usd_idle_per_month(resource_types: list[str]) -> float:
    """The cost of the resources while nothing runs."""
    return idle_usd_per_hour(resource_types) * _HOURS_A_MONTH


def resource_types() -> list[str]:
    """Every type of resource in opsctl's Terraform."""
    texts = (path.read_text() for path in sorted(_TERRAFORM.rglob("*.tf")))
    return [resource_type for text in texts for resource_type in re.findall(r'^resource "(\w+)"', text, re.MULTILINE)]


def measure(*, quick: bool = False) -> list[Row]:  # noqa: ARG001  every step has this parameter
    """Compute the rows; nothing is run, and they are the same each time."""
    rows = []
    for model, instance_type in _INSTANCES.items():
        guide = usd_per_scan(instance_type, spot=False, disk_gib=_GUIDE_DISK_GIB, scans_per_instance=1)
        ours = usd_per_scan(instance_type, spot=True, disk_gib=_DISK_GIB, scans_per_instance=_SCANS_PER_INSTANCE)
        alone = usd_per_scan(instance_type, spot=True, disk_gib=_DISK_GIB, scans_per_instance=1)
        note = (
            f"{_SCANS_PER_INSTANCE:.0f} scans in turn on one instance; {alone / guide:.2f} of it where each has its own"
        )
        step = f"cost of a {model} scan with --spot"
        rows.append(ratio_row(step, ours=[ours], plain=[guide], bar=_SCAN_BAR, unit="$", note=note))
    idle, private = usd_idle_per_month(resource_types()), usd_idle_per_month(["aws_nat_gateway", "aws_eip"])
    note = "plain: a private network with one NAT gateway and its address"
    rows.append(ratio_row("cost of an idle month", ours=[idle], plain=[private], bar=_IDLE_BAR, unit="$", note=note))
    return rows


if __name__ == "__main__":
    for row in measure():
        print(f"{row.step}: ${row.ours:.3f}, plain ${row.plain:.3f}, ratio {row.ratio:.2f} ({row.note})")
