"""What a scan and an idle month cost by opsctl's own calculator: the setup of m2g's guide beside opsctl's.

python -m bench.cost
"""

from __future__ import annotations

import re
from pathlib import Path

from bench.row import Row, against
from opsctl.core.costs.estimate import GUIDE_HOURS, idle_usd_per_hour
from opsctl.core.costs.prices import rates_of

_REGION = "us-east-1"
_INSTANCES = {"csd": "r5.large", "csa": "r5.xlarge"}
_SCAN_BAR, _IDLE_BAR = 0.40, 0.0
_HOURS_A_MONTH = 730

# HNU1's 300 scans on 32 instances: as many as 64 vCPU hold of csd, a new account's usual quota.
_SCANS_IN_TURN = 300 / 32
# Of each instance, whoever starts it: boot, m2g's image, and the wait until Batch ends it. Taken alike on both sides.
_BOOT_HOURS, _IMAGE_HOURS, _TAIL_HOURS = 3 / 60, 8 / 60, 5 / 60
# The guide sets up no launch template: the image's own root volume, and ours.
_GUIDE_DISK_GIB, _DISK_GIB = 30, 100

_TERRAFORM = Path(__file__).resolve().parents[1] / "terraform"


def usd_per_scan(instance_type: str, *, spot: bool, disk_gib: int, in_turn: float) -> float:
    """One scan's share of its instance.

    Parameters
    ----------
    in_turn
        How many scans an instance does before it ends.
    """
    rates = rates_of(instance_type, region=_REGION, spot=spot, root_volume_gib=disk_gib)
    return rates.usd_per_hour * (GUIDE_HOURS + (_BOOT_HOURS + _IMAGE_HOURS + _TAIL_HOURS) / in_turn)


def usd_idle_per_month(resource_types: list[str]) -> float:
    """What stands costs while nothing runs."""
    return idle_usd_per_hour(resource_types) * _HOURS_A_MONTH


def resource_types() -> list[str]:
    """Every type of resource that opsctl's Terraform makes."""
    texts = (path.read_text() for path in sorted(_TERRAFORM.rglob("*.tf")))
    return [kind for text in texts for kind in re.findall(r'^resource "(\w+)"', text, re.MULTILINE)]


def measure(*, quick: bool = False) -> list[Row]:  # noqa: ARG001  every step is asked alike
    """Nothing is run: it is reckoned, the same each time."""
    rows = []
    for model, kind in _INSTANCES.items():
        guide = usd_per_scan(kind, spot=False, disk_gib=_GUIDE_DISK_GIB, in_turn=1)
        ours = usd_per_scan(kind, spot=True, disk_gib=_DISK_GIB, in_turn=_SCANS_IN_TURN)
        alone = usd_per_scan(kind, spot=True, disk_gib=_DISK_GIB, in_turn=1)
        note = f"{_SCANS_IN_TURN:.0f} scans in turn on one instance; {alone / guide:.2f} of it where each has its own"
        step = f"cost of a {model} scan with --spot"
        rows.append(against(step, ours=[ours], plain=[guide], bar=_SCAN_BAR, unit="$", note=note))
    idle, private = usd_idle_per_month(resource_types()), usd_idle_per_month(["aws_nat_gateway", "aws_eip"])
    note = "plain: a private network with one NAT gateway and its address"
    rows.append(against("cost of an idle month", ours=[idle], plain=[private], bar=_IDLE_BAR, unit="$", note=note))
    return rows


if __name__ == "__main__":
    for row in measure():
        print(f"{row.step}: ${row.ours:.3f}, plain ${row.plain:.3f}, ratio {row.ratio:.2f} ({row.note})")
