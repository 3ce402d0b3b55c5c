"""Scans that share an instance share its price, in every figure."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from support.core_examples import DOLLAR, MOMENT
from support.core_examples import run as made_run
from support.example_platform import platform

from opsctl.core.costs.bill import bill
from opsctl.core.costs.estimate import GUIDE_HOURS, Hours, Startup, estimate, hours_of
from opsctl.core.diagnosis.account.at_once import scans_at_once
from opsctl.core.runs.attempt import Attempt
from opsctl.core.runs.manifest import timestamp
from opsctl.core.runs.submission import submissions_of, submit_request
from opsctl.core.sizing.job_size import packed_size

PLATFORM = platform()
CSD = PLATFORM.models["csd"]
TWO = packed_size(CSD, 2).of(CSD)
RATES = replace(DOLLAR, vcpus=2)


def attempt(index: int, hours: float, exit_code: int = 0) -> Attempt:
    stop = timestamp(MOMENT + timedelta(hours=hours))
    return Attempt(
        index=index, number=1, job_id=f"job:{index}", started_at=timestamp(MOMENT), stopped_at=stop, exit_code=exit_code
    )


def test_each_pays_its_share() -> None:
    attempts = {0: [attempt(0, 2)], 1: [attempt(1, 1)]}
    longest = timedelta(hours=6)
    shared = bill(attempts, {}, RATES, now=MOMENT, longest=longest, sharing={0: 2, 1: 1})
    assert shared.by_scan[0].usd == pytest.approx(1.0) and shared.by_scan[1].usd == pytest.approx(1.0)
    assert "shared by 2 scans" in shared.basis
    assert bill(attempts, {}, RATES, now=MOMENT, longest=longest).usd == pytest.approx(3.0)


def test_the_preview_counts_as_much_longer_as_is_assumed() -> None:
    previewed = bill(
        {0: [attempt(0, 0.01)]}, {}, RATES, now=MOMENT, longest=timedelta(hours=6), previewed={0}, sharing={0: 2}
    )
    assert previewed.usd == pytest.approx(GUIDE_HOURS * 1.35 / 2)
    assert "1.35 times as long" in previewed.basis and "88 minutes" in previewed.basis


def test_the_estimate() -> None:
    hours = Hours(per_scan=1.0, source="x", is_measured=True, startup=Startup(hours=0.5, measured_on="2026-11-22"))
    guess = estimate(PLATFORM, TWO, scan_count=5, rates=RATES.shared_by(2), hours=hours, at_once=4)
    # Five half hours of an instance, and two instances that start.
    assert guess.usd == pytest.approx(5 * 0.5 + 2 * 0.5)
    assert guess.wall_hours == pytest.approx(2.5)


def test_scans_that_share_a_core_take_longer() -> None:
    guide = hours_of([], kind="dwi csd")
    assert guide.beside(2, vcpus=2).per_scan == pytest.approx(GUIDE_HOURS * 1.35)
    assert "assumed" in guide.beside(2, vcpus=2).source
    assert guide.beside(2, vcpus=4) == guide


def test_twice_as_many_run_at_once() -> None:
    from opsctl.core.diagnosis.account.account import VolumeQuota

    one = scans_at_once(max_vcpus=512, vcpus=CSD.vcpus, volumes=VolumeQuota("x", 1.0))
    two = scans_at_once(max_vcpus=512, vcpus=TWO.vcpus, volumes=VolumeQuota("x", 1.0), scans_per_instance=2)
    assert (one.platform_scans, two.platform_scans) == (256, 512)
    assert (one.by_disks, two.by_disks) == (10, 20)


def test_the_job_asks_for_its_share() -> None:
    run = made_run(2, model="csd", memory_mib=7_600, vcpus=1, scans_per_instance=2)
    (submission,) = submissions_of(run, PLATFORM, at=run.created_at)
    needs = submit_request(submission, run, PLATFORM)["containerOverrides"]["resourceRequirements"]
    assert needs == [{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "7600"}]
    plain = made_run(2, model="csd")
    assert "resourceRequirements" not in submit_request(submission, plain, PLATFORM)["containerOverrides"]
