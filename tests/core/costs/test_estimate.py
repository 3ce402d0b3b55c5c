"""About what a run costs, checked against the numbers of m2g's guide."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import Any

import pytest
from support.core_examples import DOLLAR, MOMENT
from support.example_platform import platform

from opsctl.core.costs.estimate import Hours, Startup, estimate, hours_of, idle_usd_per_hour
from opsctl.core.costs.prices import rates_of
from opsctl.core.runs.manifest import timestamp
from opsctl.core.runs.result import Result

GUIDE = hours_of([], kind="dwi csd")


def result(minutes: float, *, status: Any = "succeeded") -> Result:
    return Result(
        index=0,
        scan="sub-01",
        key="k",
        status=status,
        cause="",
        exit_code=0,
        attempt=1,
        started_at=timestamp(MOMENT),
        stopped_at=timestamp(MOMENT + timedelta(minutes=minutes)),
        seconds={},
        peak_memory_mib=1,
        connectomes=(),
        files=(),
        log_stream="",
        job_id="j",
    )


def guide_estimate(model: str, *, spot: bool = False, scan_count: int = 1, root_volume_gib: int = 100) -> Any:
    example = platform(spot=spot, root_volume_gib=root_volume_gib)
    resources = example.models[model]
    rates = rates_of(resources.instance_type, region=example.region, spot=spot, root_volume_gib=root_volume_gib)
    return estimate(example, resources, scan_count=scan_count, rates=rates, hours=GUIDE, at_once=256)


@pytest.mark.parametrize(
    ("model", "spot", "usd_per_scan"),
    [("csd", False, 0.17), ("csa", False, 0.33), ("csd", True, 0.06), ("csa", True, 0.11)],
)
def test_a_scan_costs_about_what_the_guide_says(model: str, spot: bool, usd_per_scan: float) -> None:
    estimated = guide_estimate(model, spot=spot)
    assert estimated.usd_per_scan == pytest.approx(usd_per_scan, rel=0.15)
    assert ("Spot" in estimated.basis) is spot
    assert "65 minutes" in estimated.basis and "list prices, 2026-01" in estimated.basis


def test_the_formula_is_scans_by_hours_by_instance_disk_and_address() -> None:
    hours = Hours(per_scan=2.0, source="2 h", is_measured=True)
    example = platform()
    estimated = estimate(example, example.models["csd"], scan_count=3, rates=DOLLAR, hours=hours, at_once=256)
    assert (estimated.usd_per_scan, estimated.usd) == (pytest.approx(2.0), pytest.approx(6.0))


def test_what_nobody_has_measured_without_registration_is_an_upper_bound() -> None:
    example = platform()
    hours = hours_of([], kind="dwi csd", reuses_registration=True)
    estimated = estimate(example, example.models["csd"], scan_count=3, rates=DOLLAR, hours=hours, at_once=256)
    assert estimated.is_upper_bound and "not known yet" in estimated.basis
    assert not guide_estimate("csd").is_upper_bound


def test_scans_add_up_and_wait_for_each_other() -> None:
    # 512 vCPU, 2 a scan: 256 at once.
    at_once, more = guide_estimate("csd", scan_count=256), guide_estimate("csd", scan_count=257)
    assert at_once.usd == pytest.approx(256 * at_once.usd_per_scan)
    assert more.usd == pytest.approx(257 * at_once.usd_per_scan)
    assert more.wall_hours == pytest.approx(2 * at_once.wall_hours)
    assert (at_once.at_once, more.at_once, more.scan_count) == (256, 256, 257)


def test_a_bigger_disk_costs_more() -> None:
    assert guide_estimate("csd", root_volume_gib=1000).usd > guide_estimate("csd").usd


def test_the_local_platform_is_reckoned_as_aws_would_charge() -> None:
    local = dataclasses.replace(platform(), endpoint_url="http://127.0.0.1:1")
    estimated = estimate(local, local.models["csd"], scan_count=2, rates=DOLLAR, hours=GUIDE, at_once=256)
    assert estimated.usd == pytest.approx(2 * 65 / 60)
    assert "as AWS would charge in us-east-1" in estimated.basis


def test_a_price_that_is_not_known_is_said_and_makes_a_lower_bound() -> None:
    unknown = dataclasses.replace(DOLLAR, instance_usd_per_hour=0.0, is_complete=False)
    example = platform()
    estimated = estimate(example, example.models["csd"], scan_count=1, rates=unknown, hours=GUIDE, at_once=256)
    assert not estimated.is_complete and "its price is not known" in estimated.basis


@pytest.mark.parametrize(
    ("minutes", "per_scan_minutes", "is_measured"),
    [([], 65, False), ([10] * 4, 65, False), ([10, 20, 30, 40, 1000], 30, True), ([10, 20, 30, 40, 50, 60], 35, True)],
)
def test_five_finished_scans_say_how_long_one_takes(
    minutes: list[float], per_scan_minutes: float, is_measured: bool
) -> None:
    hours = hours_of(
        [*(result(duration) for duration in minutes), *(result(1, status="failed") for _ in range(9))], kind="dwi csd"
    )
    assert (hours.per_scan * 60, hours.is_measured) == (pytest.approx(per_scan_minutes), is_measured)
    assert f"{per_scan_minutes} minutes" in hours.source


def test_what_stands_idle_costs() -> None:
    assert idle_usd_per_hour(["aws_vpc", "aws_subnet", "aws_batch_job_queue", "aws_vpc_endpoint"]) == 0
    assert idle_usd_per_hour(["aws_nat_gateway", "aws_nat_gateway"]) == pytest.approx(0.09)


@pytest.mark.parametrize(("scan_count", "instances"), [(1, 1), (256, 256), (257, 256)])
def test_each_instance_starts_once_as_a_self_test_has_measured_it(scan_count: int, instances: int) -> None:
    example = platform()
    hours = dataclasses.replace(GUIDE, startup=Startup(hours=0.1, measured_on="2026-11-28"))
    resources = example.models["csd"]
    without = estimate(example, resources, scan_count=scan_count, rates=DOLLAR, hours=GUIDE, at_once=256)
    measured = estimate(example, resources, scan_count=scan_count, rates=DOLLAR, hours=hours, at_once=256)
    assert measured.usd - without.usd == pytest.approx(instances * 0.1 * DOLLAR.usd_per_hour)
    assert measured.usd_per_scan * scan_count == pytest.approx(measured.usd)
    assert measured.wall_hours - without.wall_hours == pytest.approx(0.1)
    assert "6 minutes for each instance to start (the self-test of 2026-11-28)" in measured.basis
    assert "self-test" not in without.basis
