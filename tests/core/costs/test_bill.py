"""What attempts have cost, by their real durations."""

from __future__ import annotations

import dataclasses
from datetime import datetime, timedelta
from typing import Any

import pytest
from support.core_examples import DOLLAR, MOMENT

from opsctl.core.costs.bill import Bill
from opsctl.core.costs.bill import bill as bill_of_merged
from opsctl.core.costs.estimate import Rates
from opsctl.core.runs.attempt import Attempt
from opsctl.core.runs.attempt_merge import merge_attempts
from opsctl.core.runs.manifest import timestamp
from opsctl.core.runs.status import BatchJob

NOW = MOMENT + timedelta(hours=10)
LOST = {"exit_code": None, "reason": "Host EC2 (instance i-1) terminated."}


def at(hours: float) -> str:
    return timestamp(MOMENT + timedelta(hours=hours))


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


def bill(attempts: list[Attempt], jobs: dict[int, BatchJob], rates: Rates, *, now: datetime) -> Bill:
    """The bill of recorded attempts and Batch's jobs; Batch ends an attempt after 6 hours."""
    merged = merge_attempts(attempts, {}, jobs.items())
    return bill_of_merged(merged, jobs, rates, now=now, longest=timedelta(hours=6))


def job(index: int, status: str, *attempts: Attempt, **more: Any) -> BatchJob:
    return BatchJob(job_id=f"job:{index}", status=status, attempts=attempts, **more)


def test_attempts_are_paid_by_their_real_times() -> None:
    billed = bill([attempt(0, stop=1), attempt(1, start=1, stop=3.5)], {}, DOLLAR, now=NOW)
    assert (billed.usd, billed.hours, billed.attempts) == (pytest.approx(3.5), pytest.approx(3.5), 2)
    assert (billed.lost_attempts, billed.lost_usd) == (0, 0)
    assert billed.by_scan[1].usd == pytest.approx(2.5)


def test_no_attempt_costs_nothing() -> None:
    billed = bill([], {}, DOLLAR, now=NOW)
    assert (billed.usd, billed.attempts, billed.by_scan) == (0, 0, {})


def test_without_a_price_a_bill_is_a_lower_bound() -> None:
    unknown = dataclasses.replace(DOLLAR, instance_usd_per_hour=0.0, is_complete=False)
    assert not bill([attempt(stop=1)], {}, unknown, now=NOW).is_complete


def test_an_attempt_lost_with_its_instance_ends_when_batch_says_and_counts_as_lost() -> None:
    reported = attempt(0, 1, stop=2, **LOST)
    billed = bill(
        [attempt(0, 1), attempt(0, 2, start=3, stop=4)],
        {0: job(0, "SUCCEEDED", reported, exit_code=0)},
        DOLLAR,
        now=NOW,
    )
    assert (billed.hours, billed.lost_attempts, billed.lost_usd) == (pytest.approx(3), 1, pytest.approx(2))
    assert billed.by_scan[0].lost == 1 and billed.by_scan[0].attempts == 2
    assert "not known" not in billed.basis


def test_what_runs_is_paid_till_now_and_is_not_lost() -> None:
    billed = bill([attempt(0, 1, start=4)], {0: job(0, "RUNNING")}, DOLLAR, now=NOW)
    assert (billed.hours, billed.lost_attempts) == (pytest.approx(6), 0)


def test_an_attempt_that_batch_knows_to_have_ended_does_not_run_though_its_job_does() -> None:
    reported = attempt(0, 1, stop=1, **LOST)
    running = job(0, "RUNNING", reported)
    billed = bill([attempt(0, 1), attempt(0, 2, start=8)], {0: running}, DOLLAR, now=NOW)
    assert (billed.hours, billed.lost_attempts) == (pytest.approx(1 + 2), 1)


@pytest.mark.parametrize("status", [None, "FAILED", "RUNNABLE"])
@pytest.mark.parametrize("hours_later", [0, 90])
def test_an_end_that_nobody_saw_is_estimated_from_the_last_sign_of_life(status: str | None, hours_later: int) -> None:
    jobs = {0: job(0, status)} if status else {}
    lost = attempt(0, seen_at=at(2))
    billed = bill([lost, attempt(1, stop=9)], jobs, DOLLAR, now=NOW + timedelta(hours=hours_later))
    assert billed.by_scan[0].hours == pytest.approx(2 + 5 / 60)
    assert billed.by_scan[0].lost == 1
    assert "1 attempt's end is not known and estimated from the last sign of life" in billed.basis


@pytest.mark.parametrize(
    ("start", "seen", "hours"), [(0, 9, 6), (9.5, 9.75, 1 / 3), (9.98, 9.99, 0.02)], ids=["timeout", "seen", "now"]
)
def test_an_estimated_end_is_bounded(start: float, seen: float, hours: float) -> None:
    billed = bill([attempt(0, start=start, seen_at=at(seen))], {}, DOLLAR, now=NOW)
    assert billed.by_scan[0].hours == pytest.approx(hours)


def test_an_estimated_end_is_not_after_the_next_attempts_start() -> None:
    billed = bill([attempt(0, 1, seen_at=at(2.99)), attempt(0, 2, start=3, stop=4)], {}, DOLLAR, now=NOW)
    assert (billed.hours, billed.lost_usd) == (pytest.approx(4), pytest.approx(3))


def test_waiting_for_the_next_attempt_is_not_paid() -> None:
    billed = bill([attempt(0, 1, seen_at=at(1)), attempt(0, 2, start=3, stop=4)], {}, DOLLAR, now=NOW)
    assert billed.hours == pytest.approx(1 + 5 / 60 + 1)


def test_another_jobs_start_is_not_the_end_of_this_one() -> None:
    attempts = [attempt(0, job_id="a", seen_at=at(2)), attempt(0, start=1, stop=3, job_id="b")]
    assert bill(attempts, {}, DOLLAR, now=NOW).hours == pytest.approx(2 + 5 / 60 + 2)


def test_lost_money_is_at_the_same_rate() -> None:
    dear = dataclasses.replace(DOLLAR, instance_usd_per_hour=1.9)
    billed = bill([attempt(0, 1, stop=1, exit_code=75), attempt(0, 2, start=2, stop=5)], {}, dear, now=NOW)
    assert (billed.usd, billed.lost_usd) == (pytest.approx(8), pytest.approx(2))


def test_what_never_started_costs_nothing() -> None:
    not_pulled = attempt(0, 1, start=None, stop=1, exit_code=None, reason="CannotPullContainerError")
    billed = bill([attempt(0, 2, start=2, stop=3)], {0: job(0, "SUCCEEDED", not_pulled)}, DOLLAR, now=NOW)
    assert (billed.attempts, billed.hours, billed.lost_attempts) == (1, pytest.approx(1), 0)


def test_what_only_batch_saw_is_paid_under_the_runs_own_index() -> None:
    # Batch counts within the second array job; the run's indices continue.
    seen = dataclasses.replace(attempt(0, 1, start=0, stop=1.5, **LOST), job_id="job:10001")
    billed = bill([], {10_001: job(10_001, "FAILED", seen)}, DOLLAR, now=NOW)
    assert billed.by_scan.keys() == {10_001}
    assert (billed.hours, billed.lost_attempts) == (pytest.approx(1.5), 1)


def test_two_jobs_of_one_scan_are_both_paid_and_one_is_lost() -> None:
    attempts = [attempt(0, stop=2, job_id="a"), attempt(0, start=0.5, stop=3, job_id="b")]
    billed = bill(attempts, {0: BatchJob(job_id="a", status="SUCCEEDED")}, DOLLAR, now=NOW)
    assert (billed.attempts, billed.hours, billed.lost_attempts) == (2, pytest.approx(4.5), 1)
    assert billed.lost_usd == pytest.approx(2.5)


@pytest.mark.parametrize(("code", "lost"), [(0, 0), (1, 0), (2, 0), (75, 1), (137, 1), (143, 1), (None, 1)])
def test_lost_is_what_no_result_came_of(code: int | None, lost: int) -> None:
    assert bill([attempt(stop=1, exit_code=code)], {}, DOLLAR, now=NOW).lost_attempts == lost


def test_of_several_verdicts_the_last_is_the_scans() -> None:
    billed = bill(
        [attempt(0, 1, stop=1, exit_code=1), attempt(0, 2, start=2, stop=5, exit_code=1)], {}, DOLLAR, now=NOW
    )
    assert (billed.lost_attempts, billed.lost_usd) == (1, pytest.approx(1))


def test_each_scan_is_priced_by_what_did_it() -> None:
    """A dataset over runs has scans of the preview and of m2g: each counts as in its own run."""
    merged = merge_attempts([attempt(0, stop=2), attempt(1, stop=0.1)], {}, [])

    def billed(*previewed: int) -> Bill:
        return bill_of_merged(merged, {}, DOLLAR, now=NOW, longest=timedelta(hours=6), previewed=previewed)

    mixed, none, both = billed(1), billed(), billed(0, 1)
    assert mixed.by_scan == {0: none.by_scan[0], 1: both.by_scan[1]}
    assert (mixed.by_scan[0].usd, mixed.by_scan[1].usd) == (pytest.approx(2), pytest.approx(65 / 60))
    assert "65 minutes for each finished scan of the preview" in mixed.basis
    assert "the other attempts' real times" in mixed.basis
    assert "real times" not in both.basis and "65 minutes" not in none.basis
