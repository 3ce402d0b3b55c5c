"""About what a run costs, against the figures of the guide."""

from __future__ import annotations

import dataclasses

import pytest
from core_examples import platform

from opsctl.core.cost import estimate, idle_usd_per_hour


@pytest.mark.parametrize(
    ("model", "spot", "usd_per_scan"),
    [("csd", False, 0.17), ("csa", False, 0.33), ("csd", True, 0.06), ("csa", True, 0.11)],
)
def test_a_scan_costs_about_what_the_guide_says(model: str, spot: bool, usd_per_scan: float) -> None:
    found = estimate(platform(spot=spot), model=model, scan_count=1)
    assert found.usd_per_scan == pytest.approx(usd_per_scan, rel=0.15)
    assert ("Spot" in found.basis) is spot
    assert "us-east-1" in found.basis


def test_scans_add_up_and_wait_for_each_other() -> None:
    # 512 vCPU, 2 a scan: 256 at once.
    at_once = estimate(platform(), model="csd", scan_count=256)
    more = estimate(platform(), model="csd", scan_count=257)
    assert at_once.usd == pytest.approx(256 * at_once.usd_per_scan)
    assert more.usd == pytest.approx(257 * at_once.usd_per_scan)
    assert more.wall_hours == pytest.approx(2 * at_once.wall_hours)


def test_a_bigger_disk_costs_more() -> None:
    small = estimate(platform(), model="csd", scan_count=1).usd
    assert estimate(platform(root_volume_gib=1000), model="csd", scan_count=1).usd > small


def test_the_local_platform_costs_nothing() -> None:
    local = dataclasses.replace(platform(), endpoint_url="http://127.0.0.1:1")
    found = estimate(local, model="csa", scan_count=10_000)
    assert (found.usd, found.usd_per_scan, found.basis) == (0.0, 0.0, "this machine")


def test_what_stands_idle_costs() -> None:
    assert idle_usd_per_hour(["aws_vpc", "aws_subnet", "aws_batch_job_queue", "aws_vpc_endpoint"]) == 0
    assert idle_usd_per_hour(["aws_nat_gateway", "aws_nat_gateway"]) == pytest.approx(0.09)
