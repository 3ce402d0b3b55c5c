"""What attempts have cost, by their real durations."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import Any

import pytest
from support.core_examples import DOLLAR, MOMENT

from opsctl.core.costs.bill import bill
from opsctl.core.runs.attempt import Attempt
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


def test_without_batch_it_ends_when_the_next_attempt_begins() -> None:
    billed = bill([attempt(0, 1), attempt(0, 2, start=3, stop=4)], {}, DOLLAR, now=NOW)
    assert (billed.hours, billed.lost_attempts, billed.lost_usd) == (pytest.approx(4), 1, pytest.approx(3))


def test_what_runs_is_paid_till_now_and_is_not_lost() -> None:
    billed = bill([attempt(0, 1, start=4)], {0: job(0, "RUNNING")}, DOLLAR, now=NOW)
    assert (billed.hours, billed.lost_attempts) == (pytest.approx(6), 0)


def test_an_attempt_that_batch_knows_to_have_ended_does_not_run_though_its_job_does() -> None:
    reported = attempt(0, 1, stop=1, **LOST)
    running = job(0, "RUNNING", reported)
    billed = bill([attempt(0, 1), attempt(0, 2, start=8)], {0: running}, DOLLAR, now=NOW)
    assert (billed.hours, billed.lost_attempts) == (pytest.approx(1 + 2), 1)


@pytest.mark.parametrize("status", [None, "FAILED", "RUNNABLE"])
def test_an_end_that_nobody_knows_is_the_others_median_and_said(status: str | None) -> None:
    others = [attempt(index, stop=hours) for index, hours in ((1, 1), (2, 2), (3, 9))]
    jobs = {0: job(0, status)} if status else {}
    billed = bill([attempt(0), *others], jobs, DOLLAR, now=NOW)
    assert billed.by_scan[0].hours == pytest.approx(2)
    assert billed.by_scan[0].lost == 1
    assert "1 attempt's end is not known and counted with the others' median" in billed.basis


def test_an_end_that_nobody_knows_is_not_after_now() -> None:
    billed = bill([attempt(0, start=9.5), attempt(1, stop=2)], {}, DOLLAR, now=NOW)
    assert billed.by_scan[0].hours == pytest.approx(0.5)


def test_without_others_the_guide_stands_for_it() -> None:
    billed = bill([attempt(0)], {}, DOLLAR, now=NOW)
    assert billed.hours == pytest.approx(65 / 60)
    assert "guide's 65 minutes" in billed.basis


def test_batch_knows_that_it_ended_though_not_when() -> None:
    reported = attempt(0, 1, **LOST)
    billed = bill([attempt(0, 1), attempt(1, stop=2)], {0: job(0, "RUNNING", reported)}, DOLLAR, now=NOW)
    assert (billed.by_scan[0].hours, billed.by_scan[0].lost) == (pytest.approx(2), 1)


def test_another_jobs_start_is_not_the_end_of_this_one() -> None:
    attempts = [attempt(0, job_id="a"), attempt(0, start=1, stop=3, job_id="b")]
    assert bill(attempts, {}, DOLLAR, now=NOW).hours == pytest.approx(2 + 2)


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


def test_an_exit_code_that_the_runner_could_not_write_is_taken_from_batch() -> None:
    ended = job(0, "SUCCEEDED", exit_code=0)
    assert bill([attempt(0, stop=1, exit_code=None)], {0: ended}, DOLLAR, now=NOW).lost_attempts == 0
