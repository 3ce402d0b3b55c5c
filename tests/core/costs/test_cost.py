"""About what a run costs, against the figures of the guide; and what attempts have cost, by their real times."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from support.example_platform import platform

from opsctl.core.costs.bill import bill
from opsctl.core.costs.estimate import Hours, Rates, estimate, hours_of, idle_usd_per_hour
from opsctl.core.costs.prices import rates_of
from opsctl.core.runs.attempt import Attempt
from opsctl.core.runs.manifest import timestamp
from opsctl.core.runs.result import Result
from opsctl.core.runs.status import BatchJob

START = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)
NOW = START + timedelta(hours=10)
#: A dollar an hour, so that hours can be read as dollars.
DOLLAR = Rates(
    instance_usd_per_hour=0.9,
    disk_usd_per_gib_hour=0.0005,
    address_usd_per_hour=0.05,
    root_volume_gib=100,
    source="a test's",
    kind="on-demand",
)
GUIDE = hours_of([])


def at(hours: float) -> str:
    return timestamp(START + timedelta(hours=hours))


def attempt(
    index: int = 0, number: int = 1, *, start: float | None = 0, stop: float | None = None, **more: Any
) -> Attempt:
    fields = {"job_id": f"job:{index}", "exit_code": 0 if stop is not None else None, **more}
    return Attempt(
        index=index,
        number=number,
        started_at=None if start is None else at(start),
        stopped_at=None if stop is None else at(stop),
        **fields,
    )


def job(index: int, status: str, *attempts: Attempt, **more: Any) -> BatchJob:
    return BatchJob(job_id=f"job:{index}", status=status, attempts=attempts, **more)


def result(minutes: float, *, status: Any = "succeeded") -> Result:
    return Result(
        index=0,
        scan="sub-01",
        key="k",
        status=status,
        cause="",
        exit_code=0,
        attempt=1,
        started_at=at(0),
        stopped_at=at(minutes / 60),
        seconds={},
        peak_memory_mib=1,
        connectomes=(),
        files=(),
        log_stream="",
        job_id="j",
    )


def guide_estimate(model: str, *, spot: bool = False, scan_count: int = 1, root_volume_gib: int = 100) -> Any:
    made = platform(spot=spot, root_volume_gib=root_volume_gib)
    resources = made.models[model]
    rates = rates_of(resources.instance_type, region=made.region, spot=spot, root_volume_gib=root_volume_gib)
    return estimate(made, resources, scan_count=scan_count, rates=rates, hours=GUIDE)


@pytest.mark.parametrize(
    ("model", "spot", "usd_per_scan"),
    [("csd", False, 0.17), ("csa", False, 0.33), ("csd", True, 0.06), ("csa", True, 0.11)],
)
def test_a_scan_costs_about_what_the_guide_says(model: str, spot: bool, usd_per_scan: float) -> None:
    found = guide_estimate(model, spot=spot)
    assert found.usd_per_scan == pytest.approx(usd_per_scan, rel=0.15)
    assert ("Spot" in found.basis) is spot
    assert "65 minutes" in found.basis and "table of 2026-01" in found.basis


def test_the_formula_is_scans_by_hours_by_instance_disk_and_address() -> None:
    hours = Hours(per_scan=2.0, source="2 h", is_measured=True)
    made = platform()
    found = estimate(made, made.models["csd"], scan_count=3, rates=DOLLAR, hours=hours)
    assert (found.usd_per_scan, found.usd) == (pytest.approx(2.0), pytest.approx(6.0))


def test_scans_add_up_and_wait_for_each_other() -> None:
    # 512 vCPU, 2 a scan: 256 at once.
    at_once, more = guide_estimate("csd", scan_count=256), guide_estimate("csd", scan_count=257)
    assert at_once.usd == pytest.approx(256 * at_once.usd_per_scan)
    assert more.usd == pytest.approx(257 * at_once.usd_per_scan)
    assert more.wall_hours == pytest.approx(2 * at_once.wall_hours)


def test_a_bigger_disk_costs_more() -> None:
    assert guide_estimate("csd", root_volume_gib=1000).usd > guide_estimate("csd").usd


def test_the_local_platform_is_reckoned_as_aws_would_charge() -> None:
    local = dataclasses.replace(platform(), endpoint_url="http://127.0.0.1:1")
    found = estimate(local, local.models["csd"], scan_count=2, rates=DOLLAR, hours=GUIDE)
    assert found.usd == pytest.approx(2 * 65 / 60)
    assert "as AWS would charge in us-east-1" in found.basis


def test_a_price_that_is_not_known_is_said_and_makes_a_lower_bound() -> None:
    unknown = dataclasses.replace(DOLLAR, instance_usd_per_hour=0.0, is_complete=False)
    made = platform()
    found = estimate(made, made.models["csd"], scan_count=1, rates=unknown, hours=GUIDE)
    assert not found.is_complete and "no price is known" in found.basis
    assert not bill([attempt(stop=1)], {}, unknown, now=NOW).is_complete


@pytest.mark.parametrize(
    ("minutes", "per_scan_minutes", "is_measured"),
    [([], 65, False), ([10] * 4, 65, False), ([10, 20, 30, 40, 1000], 30, True), ([10, 20, 30, 40, 50, 60], 35, True)],
)
def test_five_finished_scans_say_how_long_one_takes(
    minutes: list[float], per_scan_minutes: float, is_measured: bool
) -> None:
    found = hours_of([*(result(one) for one in minutes), *(result(1, status="failed") for _ in range(9))])
    assert (found.per_scan * 60, found.is_measured) == (pytest.approx(per_scan_minutes), is_measured)
    assert f"{per_scan_minutes} minutes" in found.source


def test_attempts_are_paid_by_their_real_times() -> None:
    found = bill([attempt(0, stop=1), attempt(1, start=1, stop=3.5)], {}, DOLLAR, now=NOW)
    assert (found.usd, found.hours, found.attempts) == (pytest.approx(3.5), pytest.approx(3.5), 2)
    assert (found.lost_attempts, found.lost_usd) == (0, 0)
    assert found.by_scan[1].usd == pytest.approx(2.5)


def test_no_attempt_costs_nothing() -> None:
    found = bill([], {}, DOLLAR, now=NOW)
    assert (found.usd, found.attempts, found.by_scan) == (0, 0, {})


LOST = {"exit_code": None, "reason": "Host EC2 (instance i-1) terminated."}


def test_an_attempt_lost_with_its_instance_ends_when_batch_says_and_counts_as_lost() -> None:
    told = attempt(0, 1, stop=2, **LOST)
    found = bill(
        [attempt(0, 1), attempt(0, 2, start=3, stop=4)], {0: job(0, "SUCCEEDED", told, exit_code=0)}, DOLLAR, now=NOW
    )
    assert (found.hours, found.lost_attempts, found.lost_usd) == (pytest.approx(3), 1, pytest.approx(2))
    assert found.by_scan[0].lost == 1 and found.by_scan[0].attempts == 2
    assert "not known" not in found.basis


def test_without_batch_it_ends_when_the_next_attempt_begins() -> None:
    found = bill([attempt(0, 1), attempt(0, 2, start=3, stop=4)], {}, DOLLAR, now=NOW)
    assert (found.hours, found.lost_attempts, found.lost_usd) == (pytest.approx(4), 1, pytest.approx(3))


def test_what_runs_is_paid_till_now_and_is_not_lost() -> None:
    found = bill([attempt(0, 1, start=4)], {0: job(0, "RUNNING")}, DOLLAR, now=NOW)
    assert (found.hours, found.lost_attempts) == (pytest.approx(6), 0)


def test_an_attempt_that_batch_knows_to_have_ended_does_not_run_though_its_job_does() -> None:
    told = attempt(0, 1, stop=1, **LOST)
    running = job(0, "RUNNING", told)
    found = bill([attempt(0, 1), attempt(0, 2, start=8)], {0: running}, DOLLAR, now=NOW)
    assert (found.hours, found.lost_attempts) == (pytest.approx(1 + 2), 1)


@pytest.mark.parametrize("status", [None, "FAILED", "RUNNABLE"])
def test_an_end_that_nobody_knows_is_the_others_median_and_said(status: str | None) -> None:
    others = [attempt(index, stop=hours) for index, hours in ((1, 1), (2, 2), (3, 9))]
    jobs = {0: job(0, status)} if status else {}
    found = bill([attempt(0), *others], jobs, DOLLAR, now=NOW)
    assert found.by_scan[0].hours == pytest.approx(2)
    assert found.by_scan[0].lost == 1
    assert "1 attempt's end is not known and counted with the others' median" in found.basis


def test_an_end_that_nobody_knows_is_not_after_now() -> None:
    found = bill([attempt(0, start=9.5), attempt(1, stop=2)], {}, DOLLAR, now=NOW)
    assert found.by_scan[0].hours == pytest.approx(0.5)


def test_without_others_the_guide_stands_for_it() -> None:
    found = bill([attempt(0)], {}, DOLLAR, now=NOW)
    assert found.hours == pytest.approx(65 / 60)
    assert "guide's 65 minutes" in found.basis


def test_batch_knows_that_it_ended_though_not_when() -> None:
    told = attempt(0, 1, **LOST)
    found = bill([attempt(0, 1), attempt(1, stop=2)], {0: job(0, "RUNNING", told)}, DOLLAR, now=NOW)
    assert (found.by_scan[0].hours, found.by_scan[0].lost) == (pytest.approx(2), 1)


def test_another_jobs_start_is_not_the_end_of_this_one() -> None:
    both = [attempt(0, job_id="a"), attempt(0, start=1, stop=3, job_id="b")]
    assert bill(both, {}, DOLLAR, now=NOW).hours == pytest.approx(2 + 2)


def test_lost_money_is_at_the_same_rate() -> None:
    dear = dataclasses.replace(DOLLAR, instance_usd_per_hour=1.9)
    found = bill([attempt(0, 1, stop=1, exit_code=75), attempt(0, 2, start=2, stop=5)], {}, dear, now=NOW)
    assert (found.usd, found.lost_usd) == (pytest.approx(8), pytest.approx(2))


def test_what_never_started_costs_nothing() -> None:
    not_pulled = attempt(0, 1, start=None, stop=1, exit_code=None, reason="CannotPullContainerError")
    found = bill([attempt(0, 2, start=2, stop=3)], {0: job(0, "SUCCEEDED", not_pulled)}, DOLLAR, now=NOW)
    assert (found.attempts, found.hours, found.lost_attempts) == (1, pytest.approx(1), 0)


def test_what_only_batch_saw_is_paid_under_the_runs_own_index() -> None:
    # Batch counts within the second array job; the run's index goes on.
    seen = dataclasses.replace(attempt(0, 1, start=0, stop=1.5, **LOST), job_id="job:10001")
    found = bill([], {10_001: job(10_001, "FAILED", seen)}, DOLLAR, now=NOW)
    assert found.by_scan.keys() == {10_001}
    assert (found.hours, found.lost_attempts) == (pytest.approx(1.5), 1)


def test_two_jobs_of_one_scan_are_both_paid_and_one_is_lost() -> None:
    both = [attempt(0, stop=2, job_id="a"), attempt(0, start=0.5, stop=3, job_id="b")]
    found = bill(both, {0: BatchJob(job_id="a", status="SUCCEEDED")}, DOLLAR, now=NOW)
    assert (found.attempts, found.hours, found.lost_attempts) == (2, pytest.approx(4.5), 1)
    assert found.lost_usd == pytest.approx(2.5)


@pytest.mark.parametrize(("code", "lost"), [(0, 0), (1, 0), (2, 0), (75, 1), (137, 1), (143, 1), (None, 1)])
def test_lost_is_what_no_result_came_of(code: int | None, lost: int) -> None:
    assert bill([attempt(stop=1, exit_code=code)], {}, DOLLAR, now=NOW).lost_attempts == lost


def test_of_several_verdicts_the_last_is_the_scans() -> None:
    found = bill([attempt(0, 1, stop=1, exit_code=1), attempt(0, 2, start=2, stop=5, exit_code=1)], {}, DOLLAR, now=NOW)
    assert (found.lost_attempts, found.lost_usd) == (1, pytest.approx(1))


def test_an_exit_code_that_the_runner_could_not_write_is_taken_from_batch() -> None:
    ended = job(0, "SUCCEEDED", exit_code=0)
    assert bill([attempt(0, stop=1, exit_code=None)], {0: ended}, DOLLAR, now=NOW).lost_attempts == 0


def test_what_stands_idle_costs() -> None:
    assert idle_usd_per_hour(["aws_vpc", "aws_subnet", "aws_batch_job_queue", "aws_vpc_endpoint"]) == 0
    assert idle_usd_per_hour(["aws_nat_gateway", "aws_nat_gateway"]) == pytest.approx(0.09)
